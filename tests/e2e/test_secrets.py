"""A real session keeps the user's keys from all that can be seen of it, and its files private."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import LODESTAR, RENAMED, Machine
from tests.fakes import intruder, unprivileged
from tests.fakes.leaks import files_with, processes_with
from tests.fakes.shim_client import free_model
from tests.fakes.upstream import Upstream

# In a variable that only config.yaml calls a key, and without a shape that a rule would know.
VARIABLE, CANARY = "BIRD_SONG", "canary/bird+9f8e7d6c5b4a=sings"
ANSWER = f"hello.py\n```\n{RENAMED}```\n"
ASK = ("code", "--yes-always", "--no-rating", "--message", "rename hello to greet", "hello.py")


def _configure(machine: Machine, url: str, more: str = "") -> None:
    fake = free_model(url, key_env=VARIABLE)
    machine.config(f"main: fake\nweak: fake\n{more}{fake}")


def _all_processes() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def test_a_key_is_shown_by_no_process_and_no_file(machine: Machine) -> None:
    tests = ("--auto-test", "--test-cmd", "env > seen.txt")
    with Upstream(text=ANSWER) as upstream:
        _configure(machine, upstream.url)
        upstream.script("hold")
        with subprocess.Popen(
            [str(LODESTAR), *ASK, *tests],
            cwd=machine.project,
            env={**machine.environ, VARIABLE: CANARY},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as session:
            upstream.wait_requests(1, 90)
            shown = processes_with(CANARY, _all_processes())
            written = files_with(CANARY, machine.home, machine.home.parent, machine.project)
            upstream.release()
            output, _ = session.communicate(timeout=120)
        assert upstream.chats[0].headers["Authorization"] == f"Bearer {CANARY}"
    assert machine.text() == RENAMED, output
    # The user put it there, and nobody but root can read it there.
    assert shown == [f"{session.pid} environ"]
    assert not written
    assert not files_with(CANARY, machine.home, machine.home.parent, machine.project)
    assert CANARY.encode() not in output
    seen = machine.text("seen.txt")
    assert VARIABLE not in seen
    assert "OPENAI_API_KEY=" in seen


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can close a process to others")
def test_what_a_session_starts_cannot_look_into_it(machine: Machine) -> None:
    """Aider's place is taken by a program that tries to read its parent, the session."""
    found, hostile = machine.project / "found.json", machine.project / "python"
    program = f'#!/bin/sh\nexec {sys.executable} -I {intruder.__file__} "$PPID" > {found}\n'
    hostile.write_text(program)
    hostile.chmod(0o755)
    _configure(machine, "http://127.0.0.1:9/v1", f"aider: {{python: {hostile}}}\n")
    unprivileged.give(machine.project, Path(machine.environ["HOME"]))
    done = machine.run(*ASK, before=unprivileged.prefix(), env={VARIABLE: CANARY})
    assert found.exists(), done.stderr
    denied = json.loads(found.read_text())
    assert set(denied.values()) <= {"Permission denied", "Operation not permitted"}, denied


def _open_to_others(home: Path) -> list[str]:
    """Files that are not 0600 and folders that are not 0700."""
    wrong = []
    for path in (home, *home.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if not path.is_symlink() and mode != (0o700 if path.is_dir() else 0o600):
            wrong.append(f"{oct(mode)} {path}")
    return wrong


@pytest.mark.parametrize("mask", ["000", "022"])
def test_a_sessions_files_are_private_whatever_the_umask(machine: Machine, mask: str) -> None:
    """The fake answers and the embedded engine writes the commit message: both leave files."""
    before = ("sh", "-c", f'umask {mask}; exec "$@"', "sh")
    with Upstream(text=ANSWER) as upstream:
        machine.config("main: fake\nweak: demo\n" + free_model(upstream.url))
        (machine.home / "logs").mkdir(mode=0o755)
        (machine.home / "usage.db").touch(0o644)
        for name in ("logs/shim.log", "logs/engine.log", "config.yaml"):
            (machine.home / name).touch()
            (machine.home / name).chmod(0o644)
        machine.home.chmod(0o755)
        assert machine.run(*ASK, before=before).returncode == 0
        for command in (("log",), ("profile", "new", "mine"), ("config", "set", "main", "demo")):
            assert machine.run(*command, before=before).returncode == 0
    assert machine.text() == RENAMED
    assert (machine.home / "run" / "engine.lock").exists()
    assert not _open_to_others(machine.home)
    # What is the project's is not ours to close.
    assert (machine.project / ".git" / "COMMIT_EDITMSG").stat().st_mode & 0o044 == 0o044


def test_somebody_elses_open_file_in_the_home_is_told_and_free_work_goes_on(
    machine: Machine,
) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can make a file that belongs to somebody else")
    machine.config("main: demo\n")
    unprivileged.give(machine.project, Path(machine.environ["HOME"]))
    foreign = machine.home / "models.txt"
    foreign.touch()
    foreign.chmod(0o644)
    done = machine.run(*ASK, before=unprivileged.prefix())
    assert done.returncode == 0, done.stderr
    log = (machine.home / "logs" / "shim.log").read_text("utf-8")
    assert f"others may read {foreign}" in log
