"""`lodestar engine` and `lodestar shim`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer

import pytest

from lodestar.paths import Home, engine_socket
from tests.cli.conftest import Cli

LOADED = [{"model": "demo", "adapter": None, "context": 4096, "idle_s": 3}]


class FakeEngine(UnixStreamServer):
    """Answers /healthz with what it was given."""

    def __init__(self, path: Path, answer: object) -> None:
        self.answer = json.dumps(answer).encode()
        super().__init__(str(path), _Handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        # The handler wants an address, which a unix socket has not.
        return super().get_request()[0], ("engine", 0)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, FakeEngine)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process to be stopped."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def serve(home: Home) -> Iterator[object]:
    """Start a fake engine that answers what it is told."""
    servers: list[FakeEngine] = []

    def start(answer: object) -> None:
        home.folder("run")
        server = FakeEngine(engine_socket(home.root), answer)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_engine_that_does_not_run_is_no_failure(cli: Cli) -> None:
    for command in ("status", "stop"):
        result = cli("engine", command)
        assert result.code == 0
        assert "the engine is not running" in result.err
    assert json.loads(cli("engine", "--json").out)["data"] is None


def test_the_loaded_models_are_listed(cli: Cli, serve) -> None:  # type: ignore[no-untyped-def]
    serve({"pid": 7, "rss_bytes": 5 << 20, "leases": 1, "loaded": LOADED})
    result = cli("engine")
    assert result.rows == [["demo", "", "4096", "3"]]
    assert "pid 7, 5 MiB, used by 1 session\n" in result.err


def test_stop_ends_the_process_that_answers(  # type: ignore[no-untyped-def]
    cli: Cli, serve, child: subprocess.Popen[bytes]
) -> None:
    serve({"pid": child.pid})
    assert cli("engine", "stop").code == 0
    assert child.wait(10) != 0


def test_something_else_on_the_socket_is_an_error(cli: Cli, serve) -> None:  # type: ignore[no-untyped-def]
    serve(["hello"])
    assert cli("engine", "stop").code == 1


def test_a_socket_that_nobody_serves_counts_as_not_running(cli: Cli, home: Home) -> None:
    home.folder("run")
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(engine_socket(home.root)))
    assert cli("engine").code == 0


def test_shim_serve_becomes_the_shim(home: Home, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "lodestar", "shim", "serve", "--port", str(port)],
        cwd=tmp_path,
        env=dict(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        ready = json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(20) == 0
    assert (ready["port"], ready["pid"]) == (port, process.pid)


def test_shim_serve_refuses_an_unknown_profile(cli: Cli) -> None:
    assert cli("shim", "serve", "--profile", "nobody").code == 2
