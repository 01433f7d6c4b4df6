"""The translator as an upstream: litellm in a process of its own, one for each shim."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lodestar.paths import Home, translator_socket
from lodestar.private_log import private, put_aside
from lodestar.settings import ModelEntry
from lodestar.store.processes import runs
from lodestar_shim.http_client import Target, at_socket

log = logging.getLogger("lodestar.shim.translator")
START_TIMEOUT_S = 60.0
LEAVE_S = 3.0
SENT, STATUS = "X-Lodestar-Sent", "X-Lodestar-Status"
# No key is in it: each request brings the one it needs.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


class Translator:
    """Starts the translator when it is needed, and again where it died; it leaves with the shim."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._path = translator_socket(home.root, os.getpid())
        self._token = secrets.token_urlsafe(32)
        self._lock = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def completions(self) -> Target:
        """Where it answers chat requests."""
        return at_socket(self._path, "translator", "/v1/chat/completions")

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def headers(self, entry: ModelEntry) -> dict[str, str]:
        """What a request brings with it, besides the key."""
        base = {"X-Lodestar-Api-Base": entry.api_base} if entry.api_base else {}
        return {"X-Lodestar-Token": self._token, **base}

    async def ensure(self) -> None:
        """Return once it answers. Raises ConnectionError where it cannot be started."""
        async with self._lock:
            if not self.alive:
                await asyncio.to_thread(self._spawn)

    async def warm(self) -> None:
        """Start it ahead of the first request; failures wait for that request."""
        try:
            await self.ensure()
        except (OSError, ValueError) as error:
            log.warning("the translator could not be started: %s", error)

    async def close(self) -> None:
        """Have it leave."""
        if self._process is not None:
            await asyncio.to_thread(_end, self._process)

    def _spawn(self) -> None:
        """Start the process and wait for its ready line."""
        if self._process is not None:
            _end(self._process)
        self._home.folder("run")
        _remove_stale(self._path)
        log_path = put_aside(self._home.folder("logs") / "translator.log")
        command = [sys.executable, "-I", "-m", "lodestar_translator", "--socket", str(self._path)]
        with open(log_path, "ab", opener=private) as log_file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                # The terminal's signals are for Aider.
                start_new_session=True,
                cwd="/",
            )
        try:
            _hand_over(self._process, self._token)
            _await_ready(self._process, log_path)
        except BaseException:
            _end(self._process)
            raise


def sent_and_status(headers: Mapping[str, str]) -> tuple[bool, int | None]:
    """What an answer of the translator says of the provider: was it asked, and what it said."""
    status = headers.get(STATUS, "")
    return headers.get(SENT) != "no", int(status) if status.isdigit() else None


def _hand_over(process: subprocess.Popen[bytes], token: str) -> None:
    """Its token, by the pipe whose end is also its own."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.write(token.encode("ascii") + b"\n")
            process.stdin.flush()


def _await_ready(process: subprocess.Popen[bytes], log_path: Path) -> None:
    stdout = process.stdout
    if stdout is None:
        raise ConnectionError("the translator has no output")
    deadline = time.monotonic() + START_TIMEOUT_S
    with stdout:
        ready, _, _ = select.select([stdout], [], [], max(0, deadline - time.monotonic()))
        line = stdout.readline() if ready else b""
    if not line.startswith(b"{") or not json.loads(line).get("ready"):
        raise ConnectionError(f"Lodestar's translator did not start (see {log_path})")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    try:
        process.wait(LEAVE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _remove_stale(path: Path) -> None:
    """Sockets of shims that were killed together with their translator."""
    for other in path.parent.glob("translator-*.sock"):
        owner = other.stem.rpartition("-")[2]
        if owner.isdigit() and not runs(int(owner)):
            other.unlink(missing_ok=True)
