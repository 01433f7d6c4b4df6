"""A session from its first file to Aider's exit."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from lodestar.errors import LodestarError
from lodestar.ids import new_id
from lodestar.loading import Context
from lodestar.paths import Home
from lodestar.store import look
from lodestar.store.uncommitted import Uncommitted, journal_path
from lodestar.supervisor.aider_process import AiderProcess
from lodestar.supervisor.files import SessionFiles, sweep
from lodestar.supervisor.free_only import shim_environment
from lodestar.supervisor.head_start import HeadStart
from lodestar.supervisor.orphans import Orphans
from lodestar.supervisor.outcomes import Outcomes
from lodestar.supervisor.shim_process import ShimProcess
from lodestar.supervisor.signals import Signals
from lodestar.supervisor.terminal import restored
from lodestar.supervisor.uncommitted import tell_left
from lodestar.terminal import one_line, printable


@dataclass(frozen=True)
class Ended:
    """How a session ended: its id, Aider's exit code, and why it ended.

    `problem` is what Lodestar itself failed with. `left` is what killed sessions left before
    this one, and what the user was told of. `watched` says whether outcomes were reported.
    """

    session: str
    exit_code: int
    reason: str
    problem: LodestarError | None = None
    left: Sequence[Uncommitted] = ()
    watched: bool = True


class ShimFailedError(LodestarError):
    """The shim gave up; its own three lines are passed on."""

    def __init__(self, shim: ShimProcess) -> None:
        text = shim.error_text()
        super().__init__(
            "Lodestar's shim cannot run",
            text.splitlines()[-1] if text else "",
            "start again; if it goes on, look into logs/shim.log in Lodestar's home",
        )
        self.exit_code = shim.exit_code or 1
        self._text = text

    def __str__(self) -> str:
        return self._text if self._text.startswith("error:") else super().__str__()


def run_session(
    context: Context,
    flags: Mapping[str, Any],
    user_args: Sequence[str],
    signals: Signals,
    ahead: HeadStart | None = None,
    plain: bool = False,
) -> Ended:
    """Run shim and Aider side by side until Aider ends; nothing is left running then.

    `ahead` is a launcher that is importing already; `plain` leaves out what only watches
    Aider. Raises LodestarError where Aider cannot be started, or where there is no room for
    the session's files.
    """
    session, orphans = new_id(), Orphans()
    with ExitStack() as ending:
        launcher = _launcher(context, ahead)
        ending.callback(launcher.abandon)
        with _writing(context.home):
            sweep(context.home)
            left = tell_left(context.home, context.project.root)
            _warn_of_database(context.home)
            files = SessionFiles(context, session)
            ending.callback(files.remove)
            files.write_shim(flags)
            shim = _shim(context, files)
            ending.callback(shim.stop)
            files.write_launcher(shim.port, user_args, plain)
            shim.start()
        ending.enter_context(_outcomes(context, plain))
        aider = AiderProcess(launcher, signals, journal_path(context.home, session).exists)
        with restored():
            code = aider.run(files.launcher, shim.failed)
        orphans.end()
        shim.stop()
        ended = partial(Ended, session, left=left, watched=not plain)
        if shim.failed.is_set():
            problem = ShimFailedError(shim)
            return ended(problem.exit_code, "the shim failed", problem)
    return ended(code, _reason(aider, signals))


def _outcomes(context: Context, plain: bool) -> AbstractContextManager[object]:
    return nullcontext() if plain else Outcomes(context.home, context.project.root)


def _shim(context: Context, files: SessionFiles) -> ShimProcess:
    return ShimProcess(context.home, files.shim, environ=shim_environment(context, os.environ))


def _reason(aider: AiderProcess, signals: Signals) -> str:
    if signals.stopped_by is not None:
        return f"signal {signals.stopped_by}"
    return "ended" if aider.killed_by is None else f"Aider was ended by signal {aider.killed_by}"


def warn(lines: Sequence[str]) -> None:
    """Print the configuration's warnings, one line each."""
    for line in lines:
        sys.stderr.write(f"warning: {one_line(line)}\n")


def _warn_of_database(home: Home) -> None:
    problem = look.warning(home.database)
    if problem:
        sys.stderr.write(f"{printable(problem.lines('warning:'))}\n")


@contextmanager
def _writing(home: Home) -> Iterator[None]:
    """A full or read-only home is an expected failure."""
    try:
        yield
    except OSError as error:
        raise LodestarError(
            f"cannot use {error.filename or home.root}",
            str(error.strerror or error),
            f"check the free space and the permissions of {home.root}",
        ) from error


def _launcher(context: Context, ahead: HeadStart | None) -> HeadStart:
    """The launcher in the user's interpreter and without their keys; another one is let go."""
    chosen = context.settings.aider.python
    python = os.path.expanduser(chosen) if chosen else sys.executable
    keys = {entry.key_env for _, entry in context.catalog if entry.key_env}
    if ahead and ahead.python == python and not keys & ahead.variables:
        return ahead
    if ahead:
        ahead.abandon()
    return HeadStart(python, os.environ, keys)
