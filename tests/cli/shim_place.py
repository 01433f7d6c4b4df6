"""A home whose models are a fake server, and `lodestar shim` as a program in it."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from lodestar.cli.main import run
from tests.cli.conftest import Result
from tests.fakes.shim import rows
from tests.fakes.shim_client import wait_for
from tests.fakes.upstream import Upstream

PROGRAM = (sys.executable, "-m", "lodestar")
MESSAGES = [{"role": "user", "content": "say hello"}]


class Place:
    """A folder to work in, a home, a port that was free just now."""

    def __init__(self, root: Path, upstream: Upstream, name: str = "home") -> None:
        self.folder = root / "folder"
        self.folder.mkdir(exist_ok=True)
        self.home = root / name
        self.upstream = upstream
        self.port = free_port()
        server = {"provider": "openai", "api_base": upstream.url, "model": "fake-model"}
        models = {
            "local-coder": {**server, "billing": "free"},
            "paid": {**server, "price_in": 3, "price_out": 15, "tier": 3, "key_env": "PAID_KEY"},
        }
        self.configure({"models": models})

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write config.yaml."""
        self.home.mkdir(exist_ok=True)
        (self.home / "config.yaml").write_text(json.dumps(settings), "utf-8")

    @property
    def environ(self) -> dict[str, str]:
        """That of the person at this place."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
        return {**kept, "LODESTAR_HOME": str(self.home), "SHELL": "/bin/bash"}

    def run(self, *words: str, **environ: str) -> Result:
        """`lodestar shim`, in this process: to load the program anew takes longer than it."""
        before, out, err = Path.cwd(), io.StringIO(), io.StringIO()
        os.chdir(self.folder)
        try:
            with (
                mock.patch.dict(os.environ, {**self.environ, **environ}, clear=True),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
            ):
                code = run(["shim", *words])
        finally:
            os.chdir(before)
        return Result(code, out.getvalue(), err.getvalue())

    def start(self, *words: str, **environ: str) -> Result:
        """Start it, on the port."""
        done = self.run("start", "--port", str(self.port), *words, **environ)
        assert done.code == 0, done.err
        return done

    def stop(self) -> None:
        """Stop it."""
        done = self.run("stop")
        assert done.code == 0, done.err
        assert "stopped the shim" in done.err

    @contextlib.contextmanager
    def program(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """`lodestar shim` as a program that goes on meanwhile."""
        with subprocess.Popen(
            [*PROGRAM, "shim", *words],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def status(self) -> tuple[int, list[dict[str, Any]]]:
        """The exit code of `status --json`, and what it says."""
        done = self.run("status", "--json")
        page = json.loads(done.out)
        assert page["schema"] == "lodestar.shim/1"
        return done.code, page["data"]

    def note(self) -> dict[str, Any]:
        """What is written down of the shim on the port."""
        found: dict[str, Any] = json.loads(self.note_file.read_text("utf-8"))
        return found

    @property
    def note_file(self) -> Path:
        return self.home / "run" / f"shim-{self.port}.json"

    def shell(self, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """A bash script in which `lodestar` is the program."""
        lodestar = " ".join(f"'{word}'" for word in PROGRAM)
        return subprocess.run(
            ["bash", "-c", f'set -e\nlodestar() {{ {lodestar} "$@"; }}\n{script}'],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def ask(self, alias: str = "local-coder") -> dict[str, Any]:
        """One request, with the key from the note."""
        body = json.dumps({"model": alias, "messages": MESSAGES})
        headers = {"Authorization": f"Bearer {self.note()['token']}"}
        headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer

    def ask_by_curl(self) -> dict[str, Any]:
        """The same with the exports that `lodestar shim env` prints."""
        done = self.shell(
            'eval "$(lodestar shim env)"\n'
            'curl -sS "$OPENAI_BASE_URL/chat/completions" -H "Content-Type: application/json"'
            ' -H "Authorization: Bearer $OPENAI_API_KEY" -d "$QUESTION"',
            QUESTION=json.dumps({"model": "local-coder", "messages": MESSAGES}),
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the database."""
        return [dict(row) for row in rows(self.home, sql)]

    def processes(self) -> list[int]:
        """The shims of this home, whoever started them."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if b"lodestar_shim" in words and str(self.home).encode() in words:
                    found.append(int(folder.name))
        return found

    def wait_gone(self) -> None:
        """Wait until no shim of this home is left."""
        wait_for(lambda: not self.processes(), 20)


@contextlib.contextmanager
def cleared(place: Place) -> Iterator[Place]:
    """What still runs at the end is killed by its number."""
    try:
        yield place
    finally:
        for pid in place.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def three_lines(said: str) -> list[str]:
    """An error on stderr: what, why, what to do."""
    lines = said.splitlines()
    assert [line.split()[0] for line in lines] == ["error:", "why:", "do:"], said
    return [line.partition(" ")[2].strip() for line in lines]
