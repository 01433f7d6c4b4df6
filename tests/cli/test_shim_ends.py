"""How a shim that runs alone ends, and how it doesn't: kills, terminals, failures, `stop`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.cli.shim_place import PROGRAM, Place, cleared, three_lines
from tests.fakes.shim_client import state, wait_for
from tests.fakes.upstream import Upstream

HELLO = "Hello from the fake upstream."


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Upstream() as upstream, cleared(Place(tmp_path, upstream)) as found:
        yield found


def test_after_a_kill_nothing_is_in_the_way(place: Place) -> None:
    place.start()
    key = place.note()["token"]
    os.kill(place.note()["pid"], signal.SIGKILL)
    place.wait_gone()
    assert place.status() == (1, [])
    stopped = place.run("stop")
    assert (stopped.code, "does not run" in stopped.err) == (0, True)
    place.start()
    assert place.note()["token"] == key
    assert place.ask()["choices"]
    reasons = place.rows("SELECT end_reason FROM sessions ORDER BY id")
    assert [row["end_reason"] for row in reasons] == ["killed", None]


def test_another_process_with_its_number_is_left_alone(place: Place) -> None:
    """As it is after a kill, or a crash of the machine, once the number is given again."""
    place.start()
    note = place.note()
    os.kill(note["pid"], signal.SIGKILL)
    place.wait_gone()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        recycled = {**note, "pid": bystander.pid, "began": _began(bystander.pid)}
        for wrong in ({"began": note["began"]}, {"boot": "another"}, {"pid": 2**22 + 1}):
            place.note_file.write_text(json.dumps({**recycled, **wrong}))
            assert place.status() == (1, [])
            assert "nothing was stopped" in place.run("stop").err
            assert bystander.poll() is None
        place.start()
        place.stop()
        assert bystander.poll() is None
        assert bystander.stdin
        bystander.stdin.close()


def _began(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_note_that_is_none_is_nobodys(place: Place, text: str) -> None:
    (place.home / "run").mkdir()
    place.note_file.write_text(text)
    assert place.status() == (1, [])
    assert place.run("stop").code == 0


def test_it_outlives_the_terminal_that_it_was_started_in(place: Place) -> None:
    # Its own terminal, and its own session in it.
    shell = pexpect.spawn("bash", ["--norc"], cwd=place.folder, env=place.environ, timeout=60)
    words = " ".join(f"'{word}'" for word in PROGRAM)
    shell.sendline(f"{words} shim start --port {place.port}")
    shell.expect("lodestar shim status")
    # The line is hung up on: every process that it is the terminal of gets SIGHUP.
    shell.close(force=True)
    assert place.ask()["choices"][0]["message"]["content"] == HELLO
    (pid,) = place.processes()
    assert os.getsid(pid) == pid


def test_a_shim_that_cannot_start_says_why_and_leaves_nothing(place: Place) -> None:
    place.configure({"main": "nobody-knows"})
    done = place.run("start", "--port", str(place.port))
    assert done.code == 2
    assert "nobody-knows" in three_lines(done.err)[0]
    assert place.processes() == []
    assert not place.note_file.exists()
    with socket.create_server(("127.0.0.1", place.port)):
        pass


KILLED = """
import os, signal, sys
from lodestar.cli.main import run
from lodestar.supervisor import alone_start
alone_start.{where} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
run(["shim", "start", "--port", sys.argv[1]])
"""


@pytest.mark.parametrize("where", ["write_note", "hand_over", "_await_ready"])
def test_where_start_is_killed_nothing_goes_on(place: Place, where: str) -> None:
    command = [sys.executable, "-c", KILLED.format(where=where), str(place.port)]
    done = subprocess.run(command, cwd=place.folder, env=place.environ, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    place.wait_gone()
    assert place.status() == (1, [])


HASTY = """
import sys
from lodestar.cli.main import run
from lodestar.supervisor import alone_start
alone_start.READY_S = 0.01
sys.exit(run(["shim", "start", "--port", sys.argv[1]]))
"""


def test_one_that_takes_too_long_is_ended(place: Place) -> None:
    command = [sys.executable, "-c", HASTY, str(place.port)]
    done = subprocess.run(
        command, cwd=place.folder, env=place.environ, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert three_lines(done.stderr)[0] == "the shim did not become ready"
    assert place.processes() == []
    assert not place.note_file.exists()


def test_stop_lets_a_running_request_end(place: Place) -> None:
    place.start()
    place.upstream.script("hang")
    answers: list[dict[str, object]] = []
    asking = threading.Thread(target=lambda: answers.append(place.ask()))
    asking.start()
    place.upstream.wait_requests(1, 60)
    with place.program("stop") as stopping:
        assert stopping.stderr
        assert stopping.stderr.readline() == "waiting for 1 request\n"
        place.upstream.release()
        asking.join(60)
        assert stopping.wait(60) == 0
    assert answers[0]["choices"]
    assert place.rows("SELECT status FROM exchanges") == [{"status": "ok"}]


def test_stop_ends_one_that_was_stopped_from_the_keyboard(place: Place) -> None:
    place.start()
    (pid,) = place.processes()
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: state(pid) == "T")
    place.stop()
    assert place.processes() == []
