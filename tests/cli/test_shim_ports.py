"""Where a shim that runs alone listens: this machine, a port of its own, told who has it."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lodestar.supervisor import ports
from tests.cli.shim_place import Place, cleared, free_port, three_lines
from tests.fakes.upstream import Upstream


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Upstream() as upstream, cleared(Place(tmp_path, upstream)) as found:
        yield found


def test_a_port_in_use_is_told_with_its_holder(place: Place) -> None:
    program = "import socket, sys; s = socket.create_server(('0.0.0.0', int(sys.argv[1])));"
    program += "print('here', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(place.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        for word in ("start", "serve"):
            done = place.run(word, "--port", str(place.port))
            assert done.code == 1
            what, why, do = three_lines(done.err)
            assert what == f"port {place.port} is in use"
            assert f"pid {other.pid} ({sys.executable}" in why
            assert "--port" in do
        assert not place.note_file.exists()
        other.stdin.close()


def test_two_homes_do_not_know_each_other(place: Place, tmp_path: Path) -> None:
    with cleared(Place(tmp_path, place.upstream, "other")) as other:
        place.start()
        other.start()
        assert [shim["port"] for shim in other.status()[1]] == [other.port]
        assert place.note()["token"] != other.note()["token"]
        taken = other.run("start", "--port", str(place.port))
        assert f"with the home {place.home}" in three_lines(taken.err)[1]
        other.stop()
        assert other.status() == (1, [])
        assert place.status()[0] == 0


def test_a_holder_that_lets_nobody_look_is_named_by_what_is_known(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shim is sealed, and other people's programs are closed to all but root."""
    monkeypatch.setattr(ports, "_sockets", lambda pid: iter(()))
    place.start()
    shim = f"another shim of Lodestar (pid {place.note()['pid']}, with the home {place.home})"
    assert ports.holder(place.port) == shim
    with socket.create_server(("127.0.0.1", 0)) as listener:
        user = pwd.getpwuid(os.getuid()).pw_name
        assert ports.holder(listener.getsockname()[1]) == f"a program of the user {user}"
    assert ports.holder(free_port()) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "127.0.0.2"])
@pytest.mark.parametrize("word", ["serve", "start"])
def test_no_other_address_is_served(place: Place, word: str, host: str) -> None:
    done = place.run(word, "--port", str(place.port), "--host", host)
    assert done.code == 2
    assert "ssh -L" in three_lines(done.err)[2]


def test_a_socket_of_another_address_is_not_served_either(place: Place) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:
        command = [sys.executable, "-I", "-m", "lodestar_shim", "--home", str(place.home)]
        done = subprocess.run(
            [*command, "--fd", str(listener.fileno())],
            env=place.environ,
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert "0.0.0.0" in three_lines(done.stderr)[0]
