"""A real shim process for tests, and the configuration that points it at a fake upstream."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import selectors
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

READY_SECONDS = 60
OURS = (sys.executable, "-I", "-m", "lodestar_shim")


@dataclass(frozen=True)
class Answer:
    """What the shim answered."""

    status: int
    body: str

    @property
    def error(self) -> dict[str, Any]:
        """The error of OpenAI's envelope."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error

    @property
    def text(self) -> str:
        """The streamed words, put together."""
        events = [e[6:] for e in self.body.split("\n\n") if e.startswith("data: {")]
        choices = [json.loads(event).get("choices") for event in events]
        return "".join(c[0]["delta"].get("content") or "" for c in choices if c)


def configure(home: Path, url: str, **settings: Any) -> None:
    """Write a config.yaml with a free, a paid and an unpriced model, all served at `url`."""
    server = {"provider": "openai", "api_base": url, "model": "fake-model"}
    models = {
        "free-model": {**server, "billing": "free"},
        "paid-model": {**server, "billing": "payg", "price_in": 3, "price_out": 15, "tier": 3},
        "unpriced-model": {**server, "billing": "payg", "tier": 3},
    }
    config = {"main": "free-model", "weak": "free-model", "models": models, **settings}
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")


class Shim:
    """`python -m lodestar_shim` on a port of its own, for the length of a `with`."""

    def __init__(
        self,
        home: Path,
        folder: Path,
        command: Sequence[str] = OURS,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.home = home
        self._process = subprocess.Popen(
            [*command, "--home", str(home), "--port", "0"],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Shim:
        try:
            ready = json.loads(self._line())
        except BaseException:
            self.stop()
            raise
        self.port: int = ready["port"]
        self.token: str = ready["token"]
        self.pid: int = ready["pid"]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Close its stdin, as a parent that leaves does, and wait for its end."""
        process = self._process
        if process.stdin and process.stdout:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            process.stdout.close()
        return process.wait()

    def kill(self) -> None:
        """SIGKILL: no chance to settle anything."""
        self._process.kill()
        self.stop()

    def chat(self, alias: str, text: str = "hello", **body: Any) -> Answer:
        """One streamed chat request."""
        message = {"role": "user", "content": text}
        body = {"model": alias, "messages": [message], "stream": True, **body}
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.read().decode())
        if exchange := response.headers.get("X-Lodestar-Exchange"):
            wait_recorded(self.home, exchange)
        return answer

    def _line(self) -> str:
        stdout = self._process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)  # type: ignore[arg-type]
            if not selector.select(READY_SECONDS):
                raise TimeoutError("the shim did not say that it is ready")
        line = stdout.readline() if stdout else ""
        if not line:
            raise RuntimeError(f"the shim left with {self._process.wait()}")
        return line


def wait_recorded(home: Path, exchange: str, most_s: float = 3.0) -> None:
    """Wait for the end of an exchange: its client has the answer before it is settled."""
    uri, deadline = f"file:{home / 'usage.db'}?mode=ro", time.monotonic() + most_s
    sql = "SELECT 1 FROM exchanges WHERE id = ? AND status = 'open'"
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(uri, uri=True)) as connection,
    ):
        while connection.execute(sql, (exchange,)).fetchone() and time.monotonic() < deadline:
            time.sleep(0.002)


def rows(home: Path, sql: str) -> list[sqlite3.Row]:
    """Rows of a home's database, read by a connection of its own."""
    with contextlib.closing(sqlite3.connect(home / "usage.db")) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(sql).fetchall()


def tables(home: Path) -> set[str]:
    """The names of a home's tables."""
    return {row["name"] for row in rows(home, "SELECT name FROM sqlite_master")}
