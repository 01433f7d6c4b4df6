"""The main job in a real terminal, with the question at the end."""

from __future__ import annotations

import json
import socket
import time

import pexpect

from tests.e2e.conftest import LODESTAR, RENAMED, FakedMachine, Machine
from tests.e2e.screen import Screen, open_screen
from tests.fakes.shim_client import Shim, wait_for

INTERRUPT, QUIT = "\x03", "\x1c"
APART_S = 2.1
"""Aider takes two interrupts within two seconds for the wish to leave."""


def test_an_interactive_session_edits_and_takes_a_rating(machine: Machine) -> None:
    with open_screen(machine, "hello.py") as terminal:
        terminal.wait("> ")
        terminal.send("rename function hello to greet\r")
        terminal.wait("Commit ")
        wait_for(lambda: machine.text() == RENAMED)
        terminal.wait("FREE local-coder (demo model)")
        terminal.send("/model claude-sonnet\r")
        terminal.wait("PAID claude-sonnet")
        terminal.send("/exit\r")
        terminal.wait("[g]ood")
        wait_for(lambda: terminal.send("g") or terminal.wait_briefly("recorded: good"))
        assert terminal.exit_code() == 0
    rating = machine.rows("SELECT * FROM ratings")[0]
    assert (rating["verdict"], rating["source"]) == ("good", "session_end")
    assert rating["exchange_id"]
    session = machine.rows("SELECT * FROM sessions")[0]
    assert (session["exit_code"], session["end_reason"], session["branch"]) == (0, "ended", "main")


def test_a_session_takes_all_keys_and_sizes_and_leaves_nothing_behind(faked: FakedMachine) -> None:
    """One start for all of it: each costs several seconds."""
    with open_screen(faked, "--no-rating", "hello.py") as terminal:
        terminal.wait("FREE fake")
        _survives_keys_and_a_storm_of_sizes(terminal)
        port, token = _address(faked)
        daemon = _leaves_programs_behind(faked, terminal)
        _stops_an_answer_and_takes_the_next(faked, terminal)
        time.sleep(APART_S)
        terminal.send(INTERRUPT)
        terminal.wait("again to exit", 2)
        terminal.send(INTERRUPT)
        assert terminal.exit_code() == 0
        assert terminal.is_as_before()
    assert faked.processes() == [daemon]
    assert faked.session() == {"end_reason": "ended", "exit_code": 0, "ended": 1}
    _finds_address_and_token_dead(faked, port, token)


def _survives_keys_and_a_storm_of_sizes(terminal: Screen) -> None:
    terminal.send(QUIT)
    terminal.send(INTERRUPT)
    terminal.wait("again to exit")
    for rows, columns in [(1, 1), (200, 400), (2, 5)] * 20:
        terminal.resize(rows, columns)
    terminal.resize(30, 100)
    time.sleep(APART_S)


def _leaves_programs_behind(faked: FakedMachine, terminal: Screen) -> int:
    """A job in the background, which goes, and a daemon, which stays; the daemon's pid."""
    terminal.send("/run (sleep 41417 & setsid sleep 41418 &) <&- >&- 2>&-\r")
    terminal.wait("command output to the chat?")
    terminal.send("n\r")
    wait_for(lambda: faked.processes("sleep\x0041417"))
    return int(wait_for(lambda: faked.processes("sleep\x0041418"))[0])


def _stops_an_answer_and_takes_the_next(faked: FakedMachine, terminal: Screen) -> None:
    faked.upstream.script("hold")
    terminal.send("rename it\r")
    terminal.wait("Certainly")
    terminal.send(INTERRUPT)
    wait_for(lambda: faked.rows("SELECT 1 FROM signals WHERE type = 'interrupt'"), 30)
    faked.upstream.release()
    terminal.send("rename it after all\r")
    terminal.wait("Commit ")
    assert faked.text() == RENAMED
    assert faked.statuses()[:2] == [("edit", "aborted"), ("edit", "ok")]


def _address(faked: FakedMachine) -> tuple[int, str]:
    """The port of the session's shim, and its token."""
    (path,) = (faked.home / "run").glob("*/launcher.json")
    spec = json.loads(path.read_text("utf-8"))
    return int(spec["shim_url"].rpartition(":")[2]), spec["token"]


def _finds_address_and_token_dead(faked: FakedMachine, port: int, token: str) -> None:
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
    with Shim(faked.home, env={"LODESTAR_HOME": str(faked.home)}) as another:
        assert another.chat(headers={"Authorization": f"Bearer {token}"})[0] == 401


def test_output_may_go_to_a_pipe_and_input_may_be_closed(faked: FakedMachine) -> None:
    command = f"{LODESTAR} code --yes-always --message x hello.py <&- | cat > out.txt"
    child = pexpect.spawn(
        "bash",
        ["-o", "pipefail", "-c", command],
        cwd=faked.project,
        env={**faked.environ, "TERM": "dumb"},
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
    written = faked.text("out.txt") + child.before
    assert "Traceback" not in written
    assert "\x1b" not in written
