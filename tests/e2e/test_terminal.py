"""The main job in a real terminal, with the question at the end."""

from __future__ import annotations

import os
import signal

import pexpect
import pytest

from tests.e2e.conftest import LODESTAR, RENAMED, SOURCE, Machine
from tests.e2e.screen import open_screen
from tests.fakes.shim_client import free_model, wait_for
from tests.fakes.upstream import Upstream

ANSWER = f"hello.py\n```\n{RENAMED}```\n"


@pytest.fixture
def faked(machine: Machine) -> Machine:
    """A machine whose model is a fake server, where the model is not the point."""
    with Upstream(text=ANSWER) as upstream:
        machine.config("main: fake\nweak: fake\n" + free_model(upstream.url))
        machine.upstream = upstream
        yield machine


def test_an_interactive_session_edits_and_takes_a_rating(machine: Machine) -> None:
    with open_screen(machine, "hello.py") as terminal:
        terminal.wait("> ")
        terminal.send("rename function hello to greet\r")
        terminal.wait("Commit ")
        wait_for(lambda: machine.text() == RENAMED)
        terminal.wait("FREE local-coder (demo model)")
        terminal.send("/exit\r")
        terminal.wait("[g]ood")
        wait_for(lambda: terminal.send("g") or terminal.wait_briefly("recorded: good"))
        assert terminal.exit_code() == 0
    rating = machine.rows("SELECT * FROM ratings")[0]
    assert (rating["verdict"], rating["source"]) == ("good", "session_end")
    assert rating["exchange_id"]
    session = machine.rows("SELECT * FROM sessions")[0]
    assert (session["exit_code"], session["end_reason"], session["branch"]) == (0, "ended", "main")


def test_ctrl_c_twice_at_the_prompt_ends_everything_cleanly(faked: Machine) -> None:
    with open_screen(faked, "hello.py") as terminal:
        terminal.wait("> ")
        terminal.send("\x03")
        terminal.wait("again to exit")
        terminal.send("\x03")
        assert terminal.exit_code() == 0
    faked.wait_gone()
    assert faked.rows("SELECT ended_ms IS NOT NULL AS ended FROM sessions") == [{"ended": 1}]


def test_a_killed_shim_is_replaced_on_its_port_and_the_session_goes_on(faked: Machine) -> None:
    with open_screen(faked, "hello.py") as terminal:
        terminal.wait("> ")
        first = wait_for(lambda: faked.processes("lodestar_shim"))
        wait_for(lambda: faked.rows("SELECT 1 FROM sessions"))
        os.kill(first[0], signal.SIGKILL)
        wait_for(lambda: [p for p in faked.processes("lodestar_shim") if p != first[0]])
        terminal.send("rename function hello to greet\r")
        terminal.wait("Commit ")
        assert faked.text() == RENAMED
        terminal.send("/exit\r")
        terminal.exit_code()
    assert len(faked.rows("SELECT * FROM sessions")) == 1


def test_output_may_go_to_a_pipe_and_input_may_be_closed(faked: Machine) -> None:
    command = f"{LODESTAR} code --yes-always --message x hello.py <&- | cat > out.txt"
    child = pexpect.spawn(
        "bash",
        ["-o", "pipefail", "-c", command],
        cwd=faked.project,
        env=faked.environ,
        timeout=60,
        encoding="utf-8",
    )
    try:
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 0, child.before
    assert faked.text() == RENAMED
    assert "Commit " in faked.text("out.txt")
    assert "Traceback" not in faked.text("out.txt") + child.before


def test_a_killed_supervisor_leaves_no_orphan(faked: Machine) -> None:
    with open_screen(faked, "hello.py") as terminal:
        terminal.wait("> ")
        wait_for(lambda: faked.processes("lodestar_shim"))
        os.kill(terminal.pid, signal.SIGKILL)
        faked.wait_gone()
    assert faked.text() == SOURCE


def test_a_terminated_supervisor_ends_aider_and_its_row(faked: Machine) -> None:
    with open_screen(faked, "hello.py") as terminal:
        terminal.wait("> ")
        wait_for(lambda: faked.rows("SELECT 1 FROM sessions"))
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.exit_code()
    faked.wait_gone()
    assert faked.rows("SELECT end_reason FROM sessions") == [{"end_reason": "signal 15"}]
