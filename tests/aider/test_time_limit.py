"""Aider and the shim when a session's time is up: in an answer, asleep, without a terminal."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.aider.fake_openai import FakeOpenAI
from tests.aider.place import Place, whole_file
from tests.aider.terminal import Terminal
from tests.fakes.clocked_shim import ClockedShim
from tests.fakes.shim_client import config, free_model, state, wait_for
from tests.fakes.upstream import Upstream

BROKEN = whole_file("app.py", "def hello(:\n")
MENDED = whole_file("app.py", "def hello(): ...\n")
AFTER_S = 20.0
"""From the moment at which the session goes on after its end, until it has ended."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """The model: what it answers first is broken."""
    with Upstream(text=BROKEN) as server:
        yield server


@pytest.fixture
def shim(tmp_path: Path, upstream: Upstream) -> Iterator[ClockedShim]:
    """A session of two hours."""
    home = tmp_path / "lodestar"
    config(home, "main: fake\nweak: fake\n" + free_model(upstream.url))
    with ClockedShim(home, {"session_minutes": 120}) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, shim: ClockedShim) -> Place:
    """A project, and an Aider that talks to that shim."""
    # Of the fake server only the address and the token count here.
    found = Place(tmp_path, cast("FakeOpenAI", shim))
    found.create()
    return found


def test_the_turn_is_finished_and_a_session_that_wakes_up_late_ends(
    project: Place, shim: ClockedShim, upstream: Upstream
) -> None:
    """One start for all of it: each costs several seconds."""
    with project.spawn("app.py", main="fake", weak="fake", ask=True) as terminal:
        terminal.wait("FREE fake | 1 h 59 min left")
        _ends_in_an_answer_whose_turn_is_finished(project, shim, upstream, terminal)
        _is_extended(shim, terminal)
        _sleeps_past_the_end(shim, terminal)
        assert terminal.exit_code() == 0
    row = shim.rows("SELECT end_reason, session_minutes FROM sessions")[0]
    assert row["end_reason"] == "time limit"
    exit_event = shim.rows("SELECT data FROM signals WHERE type = 'exit'")[0]["data"]
    # Nobody is there to be asked for a rating.
    assert json.loads(exit_event)["alone"] is True


def _ends_in_an_answer_whose_turn_is_finished(
    project: Place, shim: ClockedShim, upstream: Upstream, terminal: Terminal
) -> None:
    upstream.script("hold")
    terminal.send("rename it\r")
    terminal.wait("Here")
    shim.forward(3)
    assert wait_for(lambda: shim.poll()["end"])
    upstream.text = MENDED
    upstream.release()
    terminal.wait("Attempt to fix lint errors?")
    terminal.send("y\r")
    terminal.wait("[s]top")
    kinds = [row["kind"] for row in shim.rows("SELECT kind FROM exchanges ORDER BY id")]
    assert kinds == ["edit", "commit_message", "reflection", "commit_message"]
    assert (project.repo / "app.py").read_text() == "def hello(): ...\n"
    assert project.git("status", "--porcelain", "-uno") == ""
    assert shim.ask(2) == 400


def _is_extended(shim: ClockedShim, terminal: Terminal) -> None:
    terminal.send("3")
    terminal.wait("the session goes on: 30 min left")
    # Aider collects what is between braces line by line.
    for line in ("{\r", "half of a\r", "message"):
        terminal.send(line)
        terminal.wait(line.strip())


def _sleeps_past_the_end(shim: ClockedShim, terminal: Terminal) -> None:
    """Both are stopped, as by Ctrl-Z or a debugger, for 27 hours; then nobody presses a key."""
    aider, shown = terminal.pid, terminal.text.count("[s]top")
    for pid in (aider, shim.process.pid):
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: state(aider) == "T")
    shim.forward(27)
    for pid in (shim.process.pid, aider):
        os.kill(pid, signal.SIGCONT)
    resumed = time.monotonic()
    terminal.wait("[s]top", shown + 1)
    terminal.wait("[lodestar] you had typed: half of a message (it is in the input history: Up)")
    assert time.monotonic() - resumed < AFTER_S


@pytest.mark.parametrize(
    ("ask", "environ"),
    [(False, {}), (True, {"TERM": "dumb"})],
    ids=["it is told not to ask", "a terminal without keys"],
)
def test_where_nobody_can_be_asked_the_session_ends_at_once(
    project: Place, shim: ClockedShim, ask: bool, environ: dict[str, str]
) -> None:
    project.extra_env = environ
    with project.spawn("app.py", main="fake", weak="fake", ask=ask) as terminal:
        terminal.wait("> ")
        shim.forward(3)
        terminal.wait("this session's time is up (2 h); nothing is lost.")
        assert terminal.exit_code() == 0
        assert "[s]top" not in terminal.text


def test_one_message_after_the_end_is_refused_once_and_not_tried_again(
    project: Place, shim: ClockedShim, upstream: Upstream
) -> None:
    shim.forward(3)
    done = project.run("--message", "rename it", "app.py", main="fake", weak="fake", ask=True)
    assert done.returncode == 0
    assert done.stdout.count("Lodestar stopped this request") == 1
    assert "Retrying" not in done.stdout
    assert not upstream.chats
