"""Each process of a session killed, at each moment of an edit."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import RENAMED, SOURCE, FakedMachine
from tests.e2e.screen import Screen, open_screen
from tests.fakes.shim_client import wait_for

UNCOMMITTED = "edits of this session are not committed: hello.py"
LEFT = "a session that was killed left uncommitted edits: hello.py"


def test_a_shim_may_be_killed_at_any_moment_of_a_turn(faked: FakedMachine) -> None:
    faked.upstream.script("hang", "hold", "normal", "hang")
    with open_screen(faked, "--no-rating", "hello.py") as terminal:
        terminal.wait("FREE fake")
        _when_idle(faked, terminal)
        terminal.send("rename function hello to greet\r")
        _before_the_first_byte(faked)
        _in_the_answer(faked, terminal)
        _between_answer_and_commit(faked)
        terminal.wait("Commit ")
        terminal.wait("was started again", 2)
        assert faked.text() == RENAMED
        expected = [("edit", "killed"), ("edit", "killed"), ("edit", "ok")]
        expected += [("commit_message", "killed"), ("commit_message", "ok")]
        # Not only at the session's end: each shim marks what the one before it left open.
        assert wait_for(lambda: faked.statuses() == expected)
        assert not faked.rows("SELECT 1 FROM attempts WHERE status = 'open'")
        terminal.send("/exit\r")
        assert terminal.exit_code() == 0
    faked.wait_gone()
    assert faked.session() == {"end_reason": "ended", "exit_code": 0, "ended": 1}
    assert len(faked.rows("SELECT 1 FROM sessions")) == 1
    assert not _left_in_run(faked.home)


def _when_idle(faked: FakedMachine, terminal: Screen) -> None:
    faked.kill_shim()
    terminal.wait("was started again")


def _before_the_first_byte(faked: FakedMachine) -> None:
    faked.upstream.wait_requests(1, 60)
    faked.kill_shim()


def _in_the_answer(faked: FakedMachine, terminal: Screen) -> None:
    faked.upstream.wait_requests(2, 60)
    terminal.wait("Certainly")
    faked.kill_shim()


def _between_answer_and_commit(faked: FakedMachine) -> None:
    faked.upstream.wait_requests(4, 60)
    assert faked.text() == RENAMED
    faked.kill_shim()


def test_a_shim_that_cannot_be_replaced_ends_the_session_in_three_lines(
    faked: FakedMachine,
) -> None:
    with open_screen(faked, "hello.py") as terminal:
        terminal.wait("FREE fake")
        (folder,) = (path for path in (faked.home / "run").iterdir() if path.is_dir())
        shutil.rmtree(folder)
        os.kill(faked.shim(), signal.SIGKILL)
        assert terminal.exit_code() == 1
        assert terminal.is_as_before()
        said = terminal.text.partition("error: ")[2].splitlines()
    assert [line[:6] for line in said[1:]] == ["why:  ", "do:   "], said
    faked.wait_gone()
    assert faked.session() == {"end_reason": "the shim failed", "exit_code": 1, "ended": 1}


def _at_the_prompt(faked: FakedMachine, terminal: Screen) -> None:
    os.kill(faked.aider(), signal.SIGKILL)


def _by_a_key_in_the_answer(faked: FakedMachine, terminal: Screen) -> None:
    faked.upstream.script("hold")
    terminal.send("rename it\r")
    terminal.wait("Certainly")
    terminal.send("\x1c")


def _before_the_commit(faked: FakedMachine, terminal: Screen) -> None:
    faked.upstream.script("normal", "hang")
    terminal.send("rename it\r")
    faked.upstream.wait_requests(2, 60)
    os.kill(faked.aider(), signal.SIGSEGV)


@pytest.mark.parametrize(
    ("end", "number", "text", "statuses"),
    [
        (_at_the_prompt, signal.SIGKILL, SOURCE, []),
        (_by_a_key_in_the_answer, signal.SIGQUIT, SOURCE, [("edit", "aborted")]),
        (
            _before_the_commit,
            signal.SIGSEGV,
            RENAMED,
            [("edit", "ok"), ("commit_message", "aborted")],
        ),
    ],
)
def test_an_aider_that_dies_leaves_terminal_rows_and_edit_in_order(
    faked: FakedMachine,
    end: Callable[[FakedMachine, Screen], None],
    number: int,
    text: str,
    statuses: list[tuple[str, str]],
) -> None:
    with open_screen(faked, "--no-rating", "hello.py") as terminal:
        terminal.wait("FREE fake")
        end(faked, terminal)
        assert terminal.exit_code() == 128 + number
        assert terminal.is_as_before()
        assert terminal.text.count(UNCOMMITTED) == (text == RENAMED)
    assert faked.processes() == []
    reason = f"Aider was ended by signal {int(number)}"
    assert faked.session() == {"end_reason": reason, "exit_code": 128 + number, "ended": 1}
    assert faked.statuses() == statuses
    assert faked.text() == text
    assert _recorded(faked) == (['{"files": ["hello.py"]}'] if text == RENAMED else [])
    assert not _left_in_run(faked.home)


def test_after_the_death_of_everything_the_next_start_names_the_uncommitted_edit(
    faked: FakedMachine,
) -> None:
    faked.upstream.script("normal", "hang")
    with open_screen(faked, "--no-rating", "hello.py") as terminal:
        terminal.wait("FREE fake")
        terminal.send("rename it\r")
        faked.upstream.wait_requests(2, 60)
        for pid in faked.processes():
            os.kill(pid, signal.SIGKILL)
        terminal.exit_code()
    assert faked.text() == RENAMED
    assert faked.session()["ended"] == 0
    later = [faked.run("code", "--exit") for _ in range(2)]
    assert [done.returncode for done in later] == [0, 0]
    assert [done.stderr.count(LEFT) for done in later] == [1, 0]
    assert faked.git("status", "--porcelain") == " M hello.py\n"
    assert _recorded(faked) == ['{"files": ["hello.py"]}']
    sessions = faked.rows("SELECT end_reason FROM sessions ORDER BY id")
    assert [row["end_reason"] for row in sessions] == ["killed", "ended", "ended"]
    assert faked.statuses() == [("edit", "ok"), ("commit_message", "killed")]
    assert not _left_in_run(faked.home)


def test_a_terminated_supervisor_lets_a_commit_finish_and_ends_the_row(
    faked: FakedMachine,
) -> None:
    faked.upstream.script("normal", "hang")
    with open_screen(faked, "hello.py") as terminal:
        terminal.wait("FREE fake")
        terminal.send("rename it\r")
        faked.upstream.wait_requests(2, 60)
        os.kill(terminal.pid, signal.SIGTERM)
        faked.upstream.release()
        terminal.exit_code()
        assert terminal.is_as_before()
    faked.wait_gone()
    assert faked.session()["end_reason"] == "signal 15"
    assert faked.git("status", "--porcelain") == ""
    assert faked.git("rev-list", "--count", "HEAD") == "2\n"


def _recorded(faked: FakedMachine) -> list[str]:
    rows = faked.rows("SELECT data FROM signals WHERE type = 'uncommitted'")
    return [row["data"] for row in rows]


def _left_in_run(home: Path) -> list[Path]:
    """What a session left behind; the lock of the looks at git stays, as a lock must."""
    return [path for path in (home / "run").glob("*") if not path.name.startswith("outcomes-")]
