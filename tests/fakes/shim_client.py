"""A real shim process for tests, and a small client for it."""

from __future__ import annotations

import http.client
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.fakes.shim import wait_recorded

IMPATIENT = Path(__file__).with_name("impatient_shim.py")
PROMPT = [{"role": "user", "content": "say hello"}]


class Shim:
    """`python -m lodestar_shim` on a free port, its ready line read."""

    def __init__(
        self,
        home: Path,
        *extra: str,
        env: Mapping[str, str] | None = None,
        limits: Mapping[str, float] | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        """`command` is another program than the shim itself, to run it in another way."""
        self.home = home
        # Only a program of the tests' own can make the shim less patient.
        program = [str(IMPATIENT), json.dumps(limits)] if limits else ["-m", "lodestar_shim"]
        usual = [sys.executable, "-I", *program, "--home", str(home), *extra]
        self.process = subprocess.Popen(
            command or usual,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
        )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.stderr.read().decode())
        self.ready = json.loads(line)
        self.port, self.token = self.ready["port"], self.ready["token"]

    def __enter__(self) -> Shim:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Close stdin, as a dying parent does, and wait for the end."""
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def memory(self) -> int:
        """The most memory the shim has had resident so far, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) << 10

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send one request with the token; headers set to "" are left out."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = self.connect()
        try:
            connection.request(method, path, data, {k: v for k, v in sent.items() if v})
            answer = connection.getresponse()
            found = answer.status, answer.headers, answer.read()
        finally:
            connection.close()
        if answer.status == 200 and (exchange := answer.headers.get("X-Lodestar-Exchange")):
            wait_recorded(self.home, exchange)
        return found

    def chat(
        self, model: str = "fake", headers: Mapping[str, str] | None = None, **body: Any
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One chat request."""
        payload = {"model": model, "messages": PROMPT, **body}
        return self.request("POST", "/v1/chat/completions", payload, headers)

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of the shim's database, read by a connection of the test's own."""
        connection = sqlite3.connect(f"file:{self.home / 'usage.db'}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(sql, parameters)]
        finally:
            connection.close()

    def wait_row(self, sql: str, *parameters: Any, timeout: float = 10) -> dict[str, Any]:
        """The first row of a query, waited for: the log is written after the last byte."""
        return wait_for(lambda: next(iter(self.rows(sql, *parameters)), None), timeout)


def wait_for(look: Callable[[], Any], timeout: float = 10) -> Any:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    raise TimeoutError("waited in vain")


def state(pid: int) -> str:
    """R, S, T (stopped), Z; empty where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def events(body: bytes) -> list[Any]:
    """The data events of an SSE answer, [DONE] as a string."""
    lines = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def config(home: Path, text: str) -> None:
    """Write config.yaml."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.yaml").write_text(text, "utf-8")


def free_model(url: str, alias: str = "fake", **extra: Any) -> str:
    """A `models:` section with one free alias at `url`."""
    entry = {"provider": "openai", "model": "fake-model", "api_base": url, "billing": "free"}
    return "models: " + json.dumps({alias: {**entry, **extra}}) + "\n"
