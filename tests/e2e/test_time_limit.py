"""A session's time limit on a terminal, from the first warning to the end."""

from __future__ import annotations

import json
import time

from tests.e2e.conftest import RENAMED, FakedMachine
from tests.e2e.screen import Screen, open_screen


def _leave(faked: FakedMachine, seconds: float) -> None:
    """Make the session older, so that so many seconds are left: its shim starts once more."""
    (path,) = (faked.home / "run").glob("*/shim.json")
    spec = json.loads(path.read_text("utf-8"))
    started = time.clock_gettime(time.CLOCK_BOOTTIME) + seconds - 60 * _length(faked)
    path.write_text(json.dumps({**spec, "started": started}), "utf-8")
    faked.kill_shim()


def _length(faked: FakedMachine) -> int:
    return int(faked.rows("SELECT session_minutes FROM sessions")[0]["session_minutes"])


def test_an_idle_session_is_warned_asked_extended_and_ended(faked: FakedMachine) -> None:
    """One start for all of it: each costs several seconds."""
    with open_screen(faked, "--time-limit", "2h", "--no-rating", "hello.py") as terminal:
        terminal.wait("FREE fake | 1 h 59 min left")
        _is_warned(faked, terminal)
        _is_extended_with_what_was_typed(faked, terminal)
        _is_stopped(faked, terminal)
        assert terminal.exit_code() == 0
        assert terminal.is_as_before()
    faked.wait_gone()
    assert faked.session() == {"end_reason": "time limit", "exit_code": 0, "ended": 1}


def _is_warned(faked: FakedMachine, terminal: Screen) -> None:
    _leave(faked, 599)
    terminal.wait("[lodestar] 9 min of this session are left")
    assert terminal.text.count("of this session are left") == 1


def _is_extended_with_what_was_typed(faked: FakedMachine, terminal: Screen) -> None:
    terminal.send("rename ")
    terminal.wait("rename ")
    # Nobody may have been there for a day.
    _leave(faked, -86_400)
    terminal.wait("this session's time is up (2 h); nothing is lost.")
    terminal.wait("[s]top")
    terminal.send("\r")
    time.sleep(0.5)
    terminal.send("1")
    terminal.wait("[lodestar] the session goes on: 15 min left")
    terminal.wait(" 15 min left ")
    terminal.send("it\r")
    terminal.wait("Commit ")
    assert faked.text() == RENAMED
    assert faked.upstream.chats[0].body["messages"][-1]["content"].startswith("rename it")
    assert _length(faked) in (120 + 1440 + 15, 120 + 1440 + 16)


def _is_stopped(faked: FakedMachine, terminal: Screen) -> None:
    shown = terminal.text.count("[s]top")
    terminal.send("half of a message")
    terminal.wait("half of a message")
    _leave(faked, -1)
    terminal.wait("[s]top", shown + 1)
    terminal.send("s")
    terminal.wait("[lodestar] you had typed: half of a message (it is in the input history: Up)")
    assert "FREE" not in terminal.text.rpartition("[s]top")[2]
