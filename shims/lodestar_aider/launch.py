"""One session of Aider: check, guard, watch, run, report."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestar_aider import (
    commands,
    commits,
    compat,
    git_guard,
    guard,
    hooks,
    journal,
    names,
    outside,
    prompt,
    repo_map,
    resend,
    settings,
    wire,
)
from lodestar_aider.arguments import aider_arguments
from lodestar_aider.channel import Channel
from lodestar_aider.desk import Desk
from lodestar_aider.ending import Ending
from lodestar_aider.environment import clean_environment
from lodestar_aider.errors import LaunchError
from lodestar_aider.events import Events
from lodestar_aider.handover import Handover
from lodestar_aider.spec import Spec, read_spec
from lodestar_aider.turns import Turns

GUARDS = (*guard.NEEDS, *wire.NEEDS, *settings.NEEDS, *names.NEEDS, *outside.NEEDS)
EXTRAS = (
    *hooks.NEEDS,
    *journal.NEEDS,
    *commits.NEEDS,
    *prompt.NEEDS,
    *repo_map.NEEDS,
    *commands.NEEDS,
    *resend.NEEDS,
)


@dataclass(frozen=True)
class Session:
    """The parts of one run."""

    spec: Spec
    channel: Channel
    turns: Turns
    events: Events
    desk: Desk
    ending: Ending
    poller: prompt.Poller


def run(argv: list[str]) -> int:
    """Run Aider as SPEC.json says; returns Aider's exit code, or 1 when it was not started."""
    try:
        session = _open(read_spec(_spec_path(argv)))
        aider_main = _prepare(session)
    except LaunchError as problem:
        sys.stderr.write(problem.text() + "\n")
        return 1
    return _run(session, aider_main)


def _spec_path(argv: list[str]) -> Path:
    """SPEC.json itself, or --fd N: the pipe on which its path comes."""
    if len(argv) == 1:
        return Path(argv[0])
    if len(argv) != 2 or argv[0] != "--fd" or not argv[1].isdecimal():
        raise LaunchError(
            "Aider was not started",
            "the launcher takes the session's specification, or --fd and a pipe",
            "start Aider with `lodestar code`",
        )
    return Handover(int(argv[1])).spec_path()


def _open(spec: Spec) -> Session:
    clean_environment(os.environ, spec)
    channel, turns, desk = Channel(spec), Turns(), Desk()
    events = Events(channel, turns)
    poller, ending = prompt.Poller(channel, desk, spec.poll_s), Ending(desk, channel, spec.ask)
    if not spec.plain:
        events.start()
        poller.start()
    return Session(spec, channel, turns, events, desk, ending, poller)


def _prepare(session: Session) -> Callable[[list[str]], Any]:
    """Check and change Aider; raises LaunchError before anything of it ran."""
    version = "none"
    try:
        version = compat.aider_version()
        compat.check_version(version)
        guards = compat.unmet((*GUARDS, *git_guard.needs()))
        extras = [] if session.spec.plain else compat.unmet(EXTRAS)
        failed = [*guards, *extras]
        session.events.emit("hooks", ok=not failed, aider_version=version, failed=failed)
        compat.require(guards)
        compat.require(extras, compat.WITHOUT_EXTRAS)
        models = settings.read_settings_file(Path(session.spec.model_settings))
        outside.check_arguments(session.spec.user_args, Path.cwd())
        _install_guards(session)
        if not session.spec.plain:
            _install_extras(session)
            repo_map.install(models, session.spec.user_args)
    except LaunchError as problem:
        session.events.emit("error", text=f"{problem.what}: {problem.why}")
        _close(session, 1)
        raise
    aider_main: Callable[[list[str]], Any] = importlib.import_module("aider.main").main
    return aider_main


def _install_guards(session: Session) -> None:
    guard.Guard(session.spec).install()
    wire.Wire(session.spec, session.turns).install()
    names.install(session.spec)
    git_guard.install()
    outside.install()


def _install_extras(session: Session) -> None:
    hooks.Hooks(session.events, session.turns).install()
    edits = journal.Journal(session.spec.journal, session.turns)
    edits.install()
    commits.CommitHooks(session.events, session.turns, edits).install()
    resend.Resend(session.events, session.turns).install()
    prompt.Prompt(session.desk, session.events, session.ending, session.poller).install()
    commands.SlashCommands(session.channel, session.desk).install()


def _run(session: Session, aider_main: Callable[[list[str]], Any]) -> int:
    arguments = aider_arguments(session.spec)
    sys.argv = ["aider", *arguments]
    code = 1
    try:
        code = exit_code(aider_main(arguments))
    except SystemExit as stop:
        code = exit_code(stop.code)
        raise
    finally:
        _close(session, code)
    return code


def _close(session: Session, code: int) -> None:
    if session.spec.plain:
        return
    session.events.emit("exit", code=code, ended=session.ending.kind, alone=session.ending.alone)
    session.events.close()
    try:
        session.poller.stop()
    finally:
        session.desk.leave()


def exit_code(value: Any) -> int:
    """What `sys.exit(value)` makes of it."""
    if value is None:
        return 0
    return value if isinstance(value, int) else 1
