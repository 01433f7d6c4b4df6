"""A session as the job of a shell: stopped and continued, orphaned, its window closed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

from tests.e2e.conftest import LODESTAR, RENAMED, SOURCE, FakedMachine
from tests.e2e.screen import SHELL_PROMPT, Screen, open_shell
from tests.fakes.shim_client import state, wait_for

STOP = "\x1a"
# Another session: it looks for dead ones and writes; prints how many were dead.
ANOTHER = """
import sys
from pathlib import Path
from lodestar.store.schema import CORE
from lodestar.store.sessions import sweep_dead
from lodestar.store.store import Store

with Store.open(Path(sys.argv[1]), [CORE]) as store, store.write() as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS written(x)")
    print(sweep_dead(store))
"""


def test_a_job_is_stopped_and_continued_and_ends_with_its_window(faked: FakedMachine) -> None:
    """One start for all of it: each costs several seconds."""
    with open_shell(faked) as terminal:
        supervisor = _started(faked, terminal)
        _stops(faked, terminal, supervisor)
        _finds_the_stopped_session_alive(faked)
        _continues(faked, terminal, supervisor)
        _is_stopped_in_an_answer_that_is_complete_when_it_continues(faked, terminal, supervisor)
        faked.upstream.script("hold")
        terminal.send("rename it again\r")
        terminal.wait("Certainly", terminal.text.count("Certainly") + 1)
        terminal.hang_up()
        faked.wait_gone()
    session = faked.session()
    assert (session["end_reason"], session["ended"]) == ("signal 1", 1)
    assert faked.statuses()[-1] == ("edit", "aborted")
    assert faked.rows("SELECT 1 FROM exchange_messages WHERE direction = 'answer'")


def _started(faked: FakedMachine, terminal: Screen) -> int:
    terminal.wait(SHELL_PROMPT)
    terminal.send(f"{LODESTAR} code --no-rating hello.py\r")
    terminal.wait("FREE fake")
    return int(faked.processes("bin/lodestar\0code")[0])


def _stops(faked: FakedMachine, terminal: Screen, supervisor: int) -> None:
    prompts = terminal.text.count(SHELL_PROMPT)
    terminal.send(STOP)
    terminal.wait(SHELL_PROMPT, prompts + 1)
    wait_for(lambda: state(supervisor) == "T" == state(faked.aider()))
    assert state(faked.shim()) in "SR"


def _finds_the_stopped_session_alive(faked: FakedMachine) -> None:
    command = [sys.executable, "-c", ANOTHER, str(faked.home / "usage.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=True)
    assert done.stdout == "0\n"


def _continues(faked: FakedMachine, terminal: Screen, supervisor: int) -> None:
    terminal.send("fg\r")
    wait_for(lambda: "T" not in (state(supervisor), state(faked.aider())))


def _is_stopped_in_an_answer_that_is_complete_when_it_continues(
    faked: FakedMachine, terminal: Screen, supervisor: int
) -> None:
    faked.upstream.script("hold")
    terminal.send("rename function hello to greet\r")
    terminal.wait("Certainly")
    _stops(faked, terminal, supervisor)
    faked.upstream.release()
    assert faked.text() == SOURCE
    _continues(faked, terminal, supervisor)
    terminal.wait("Commit ")
    assert faked.text() == RENAMED


def test_a_killed_supervisor_leaves_no_orphan_and_the_terminal_to_the_shell(
    faked: FakedMachine,
) -> None:
    with open_shell(faked) as terminal:
        before = _settings(faked, terminal)
        supervisor = _started(faked, terminal)
        (launcher,) = (faked.home / "run").glob("*/launcher.json")
        port = int(launcher.read_text("utf-8").partition("127.0.0.1:")[2].partition('"')[0])
        terminal.send("/run sleep 41417\r")
        wait_for(lambda: faked.processes("sleep\x0041417"), 30)
        os.kill(supervisor, signal.SIGKILL)
        for word in ("lodestar_aider", "lodestar_shim", "sleep"):
            faked.wait_gone(word)
        terminal.wait("Killed")
        assert _settings(faked, terminal) == before
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
    assert faked.text() == SOURCE


def _settings(faked: FakedMachine, terminal: Screen) -> str:
    """The terminal's settings as a program sees them that the shell starts."""
    file = faked.project / "settings.txt"
    file.unlink(missing_ok=True)
    terminal.send("stty -g > settings.txt\r")
    return str(wait_for(lambda: file.exists() and file.read_text()))
