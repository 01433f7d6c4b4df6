"""The shim as a process: its ready line, its end, its death."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.fakes.shim_client import Shim, config, free_model, state, wait_for
from tests.fakes.upstream import Upstream


def _home(tmp_path: Path, upstream: Upstream) -> Path:
    config(tmp_path, "main: fake\nweak: fake\n" + free_model(upstream.url))
    return tmp_path


def test_it_says_port_token_and_its_own_pid(tmp_path: Path, upstream: Upstream) -> None:
    with Shim(_home(tmp_path, upstream)) as shim:
        assert shim.ready["pid"] == shim.process.pid
        assert shim.ready["ready"] is True
        assert len(shim.token) >= 40


def test_it_leaves_when_its_parents_pipe_closes(tmp_path: Path, upstream: Upstream) -> None:
    with Shim(_home(tmp_path, upstream)) as shim:
        shim.process.stdin.close()
        assert shim.process.wait(10) == 0
        row = shim.rows("SELECT * FROM sessions")[0]
        assert row["ended_ms"] is not None


def test_a_killed_shims_open_exchange_is_marked_killed(tmp_path: Path, upstream: Upstream) -> None:
    home = _home(tmp_path, upstream)
    upstream.script("hang")
    with Shim(home) as shim:
        failed: list[Exception] = []

        def ask() -> None:
            try:
                shim.chat()
            except OSError as error:
                failed.append(error)

        thread = threading.Thread(target=ask)
        before = len(upstream.chats)
        thread.start()
        upstream.wait_requests(before + 1)
        os.kill(shim.process.pid, signal.SIGKILL)
        thread.join(10)
        assert failed
    upstream.release()
    with Shim(home) as shim:
        assert shim.rows("SELECT status FROM exchanges") == [{"status": "killed"}]
        assert shim.rows("SELECT status FROM attempts") == [{"status": "killed"}]
        ended = shim.rows("SELECT end_reason FROM sessions ORDER BY id LIMIT 1")
        assert ended == [{"end_reason": "killed"}]


def test_it_takes_over_an_inherited_socket_with_its_waiting_connections(
    tmp_path: Path, upstream: Upstream
) -> None:
    home = _home(tmp_path, upstream)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        early = socket.create_connection(("127.0.0.1", port))
        early.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        command = [sys.executable, "-I", "-m", "lodestar_shim", "--home", str(home)]
        process = subprocess.Popen(
            [*command, "--fd", str(listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
        with early, process:
            early.settimeout(20)
            assert early.recv(100).startswith(b"HTTP/1.1 200")
            assert json.loads(process.stdout.readline())["port"] == port
            process.stdin.close()
            assert process.wait(10) == 0


def test_a_shim_that_is_told_to_stop_finishes_its_transaction_first(
    tmp_path: Path, upstream: Upstream
) -> None:
    """Ctrl-Z for one that runs alone; it writes in threads, where no signal arrives."""
    home = _home(tmp_path, upstream)
    with Shim(home) as shim, open(home / "usage.db.lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        chat = threading.Thread(target=shim.chat)
        chat.start()
        wait_for(lambda: not _stops_at_once(shim.process), 20)
        fcntl.flock(lock, fcntl.LOCK_UN)
        wait_for(lambda: state(shim.process.pid) == "T", 20)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(lock, fcntl.LOCK_UN)
        shim.process.send_signal(signal.SIGCONT)
        chat.join(20)
        assert shim.wait_row("SELECT status FROM exchanges WHERE status = 'ok'")


def _stops_at_once(process: subprocess.Popen[bytes]) -> bool:
    """Whether it does; then it is continued. It may be that no request has arrived yet."""
    process.send_signal(signal.SIGTSTP)
    try:
        wait_for(lambda: state(process.pid) == "T", 1)
    except TimeoutError:
        return False
    process.send_signal(signal.SIGCONT)
    return True


def test_a_wrong_configuration_is_three_lines_and_no_traceback(tmp_path: Path) -> None:
    config(tmp_path, "mian: x\n")
    command = [sys.executable, "-I", "-m", "lodestar_shim", "--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert [line[:6] for line in done.stderr.splitlines()] == ["error:", "why:  ", "do:   "]
    assert "did you mean `main`?" in done.stderr
