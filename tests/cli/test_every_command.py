"""Every command where nobody can answer and nothing has colour: it ends, says so, and is plain."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
import pytest
import typer

from lodestar.cli.main import PANELS, build_app, run
from lodestar.paths import Home
from lodestar.settings import Settings
from lodestar.store.store import Store
from tests.cli.worklog import Worklog

PLAIN = {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "60", "CI": "1"}
LIMIT_S = 60
EXIT_CODES = {0, 1, 2, 3, 4, 5, 6, 7}
"""Those of the design that a command can have to which nobody sends a signal."""
PROGRAMS = {"code"}
"""What takes over the process that it runs in."""
# What each command is given, and the exit code that follows; {file} is a text file.
GIVEN: dict[str, tuple[str, int]] = {
    "budget alerts": ("", 0),
    "budget check": ("", 0),
    "budget clock-reset": ("", 0),
    "budget history": ("", 0),
    "budget raise": ("1", 2),
    "budget reconcile": ("", 0),
    "budget remove": ("--all", 2),
    "budget set": ("--daily 2", 0),
    "budget show": ("", 0),
    "budget undo": ("", 2),
    "code": ("--budget nonsense", 2),
    "completion": ("bash", 0),
    "config path": ("", 0),
    "config set": ("limits.session_minutes 120", 0),
    "config show": ("", 0),
    "config unset": ("limits.session_minutes", 2),
    "config validate": ("", 0),
    "dashboard": ("", 0),
    "data audit": ("", 0),
    "data backup": ("", 0),
    "data export": ("", 0),
    "data forget": ("--project nowhere", 2),
    "data import": ("{file}", 2),
    "data merge": ("{file}", 2),
    "data purge": ("--older-than 90d", 0),
    "data reset": ("", 2),
    "data restore": ("", 7),
    "data status": ("", 0),
    "doctor": ("", 0),
    "engine status": ("", 0),
    "engine stop": ("", 0),
    "keys list": ("", 0),
    "keys remove": ("openai", 0),
    "keys set": ("openai", 4),
    "keys test": ("gpt-4o", 4),
    "log list": ("", 0),
    "log refresh": ("", 0),
    "log search": ("rename", 0),
    "log show": ("last", 0),
    "models add": ("mine --model m --api-base http://127.0.0.1:9/v1", 0),
    "models edit": ("grok-beta --note mine", 0),
    "models import": ("{file}", 2),
    "models list": ("", 0),
    "models pull": ("", 0),
    "models remove": ("nobody", 2),
    "models test": ("nobody", 2),
    "prices diff": ("", 0),
    "prices list": ("", 0),
    "prices set": ("gpt-4o --in 2 --out 3", 0),
    "prices show": ("gpt-4o", 0),
    "prices undo": ("", 2),
    "prices update": ("{file}", 1),
    "profile list": ("", 0),
    "profile new": ("careful", 0),
    "profile show": ("default", 0),
    "profile use": ("frugal", 0),
    "rate": ("last good", 0),
    "report": ("", 0),
    "shim env": ("", 0),
    "shim logs": ("", 0),
    "shim serve": ("--budget nonsense", 2),
    "shim start": ("--budget nonsense", 2),
    "shim status": ("", 1),
    "shim stop": ("", 0),
    "shim token": ("", 0),
    "status": ("", 0),
    "trust": ("", 0),
    "usage compare": ("gpt-4o claude-sonnet", 0),
    "usage models": ("", 0),
    "usage projects": ("", 0),
    "usage reconcile": ("--provider openai --invoice 0", 0),
    "usage show": ("", 0),
    "usage why": ("", 0),
}


def found(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """The commands at the ends of the tree."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    for name, inner in command.commands.items():
        yield from found(inner, (*path, name))


ROOT = typer.main.get_command(build_app(Settings()))
COMMANDS = dict(found(ROOT))
every_command = pytest.mark.parametrize("path", COMMANDS)


@contextmanager
def ending() -> Iterator[None]:
    """Fails a command that waits for something."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"it has not ended within {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def file(
    home: Home, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A text file in a project that has a log; nobody answers, and the terminal is a dumb one."""
    for name, value in PLAIN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    worklog = Worklog(store, home, tmp_path).start()
    worklog.exchange()
    worklog.end()
    text = tmp_path / "notes.txt"
    text.write_text("nothing of use\n")
    with open(os.devnull, encoding="utf-8") as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        yield text


def called(
    path: str, arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a command without anything on its stdin."""
    words = [*path.split(), *arguments]
    if path in PROGRAMS:
        done = subprocess.run(
            [sys.executable, "-m", "lodestar", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr
    capfd.readouterr()
    with ending():
        code = run(words)
    return code, *capfd.readouterr()


@every_command
def test_it_ends_plainly_with_the_right_code_where_nobody_can_answer(
    path: str, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert path in GIVEN, f"new command `{path}`: say in GIVEN what it is given here, and its code"
    arguments, expected = GIVEN[path]
    code, out, err = called(path, shlex.split(arguments.format(file=file)), capfd)
    assert code == expected, err
    assert code in EXIT_CODES
    assert "\x1b" not in out + err
    assert "Traceback" not in out + err
    assert "internal error" not in err
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) <= 1
    assert not errors or code


@every_command
def test_json_is_json_where_nobody_can_answer(
    path: str, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if not any("--json" in parameter.opts for parameter in COMMANDS[path].params):
        return
    arguments, expected = GIVEN[path]
    code, out, err = called(path, [*shlex.split(arguments.format(file=file)), "--json"], capfd)
    assert code == expected, err
    if out or not code:
        assert json.loads(out)["schema"].startswith("lodestar.")


@every_command
def test_its_help_is_plain_and_as_narrow_as_the_terminal(
    path: str, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with ending():
        code = run([*path.split(), "--help"])
    text = capfd.readouterr().out
    assert code == 0
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= int(PLAIN["COLUMNS"])


@every_command
def test_its_help_has_an_example_with_options_that_it_has(path: str) -> None:
    command = COMMANDS[path]
    group = path.split(maxsplit=1)[0]
    examples = [
        words
        for line in (command.help or "").splitlines()
        if (words := example(line))[:2] in (["lodestar", group], ["lodestar", path])
    ]
    assert examples, f"`lodestar {path} --help` has no line `Example: lodestar {path} ...`"
    known = {name for parameter in command.params for name in parameter.opts}
    named = {word for words in examples for word in words if word.startswith("--") and word != "--"}
    # Aider's own options stand in the examples of `code`.
    assert path in PROGRAMS or named <= known


def example(line: str) -> list[str]:
    """The words of a line of help that shows a command."""
    text = (
        line.strip()
        .partition("  ")[0]
        .removeprefix("Example:")
        .strip()
        .removeprefix('eval "$(')
        .removesuffix(')"')
    )
    return shlex.split(text, comments=False) if text.startswith("lodestar ") else []


def test_the_first_help_shows_its_groups_in_order_and_each_command_in_one(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run(["--help"]) == 0
    text = capfd.readouterr().out
    assert isinstance(ROOT, click.Group)
    panels = {getattr(command, "rich_help_panel", None) for command in ROOT.commands.values()}
    assert panels <= set(PANELS)
    places = [text.index(f"─ {name} ─") for name in PANELS if name in panels]
    assert places == sorted(places)
