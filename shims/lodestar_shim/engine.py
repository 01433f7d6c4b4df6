"""The embedded engine as an upstream: started on first use, kept alive by a lease."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import subprocess
import sys
import time
from contextlib import suppress

import aiohttp

from lodestar.paths import Home, engine_socket
from lodestar.private_log import private, put_aside
from lodestar.settings import EngineSettings
from lodestar_shim.http_client import Target, at_socket

log = logging.getLogger("lodestar.shim.engine")
START_TIMEOUT_S = 60.0
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "OMP_NUM_THREADS")
URL = "http://engine"


class Engine:
    """Starts the engine, holds this session's lease on it, and warms its model."""

    def __init__(self, home: Home, settings: EngineSettings) -> None:
        self._home = home
        self._settings = settings
        self._lock = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._lease: asyncio.Task[None] | None = None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(engine_socket(home.root)), limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            auto_decompress=False,
        )

    @property
    def home(self) -> Home:
        """Whose engine it is."""
        return self._home

    @property
    def completions(self) -> Target:
        """Where the engine answers chat requests."""
        return at_socket(engine_socket(self._home.root), "engine", "/v1/chat/completions")

    async def ensure(self) -> None:
        """Return once the engine answers. Raises ConnectionError where it cannot be started."""
        async with self._lock:
            if not await self._answers():
                await asyncio.to_thread(self._spawn)
                await self._until_it_answers()
            if self._lease is None or self._lease.done():
                self._lease = asyncio.create_task(self._hold_lease())

    async def warm(self, model: str) -> None:
        """Load a model ahead of the first request; failures wait for that request."""
        try:
            await self.ensure()
            async with self._session.post(f"{URL}/v1/warm", json={"model": model}) as answer:
                await answer.read()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.warning("the engine could not be warmed: %s", error)

    async def close(self) -> None:
        """Give the lease back; the engine leaves when nobody holds one."""
        if self._lease:
            self._lease.cancel()
            with suppress(asyncio.CancelledError):
                await self._lease
        await self._session.close()

    async def _answers(self) -> bool:
        timeout = aiohttp.ClientTimeout(total=10)
        try:
            async with self._session.get(f"{URL}/healthz", timeout=timeout) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError):
            return False

    async def _until_it_answers(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not await self._answers():
            if time.monotonic() > deadline:
                raise ConnectionError("the engine started but does not answer")
            await asyncio.sleep(0.05)

    async def _hold_lease(self) -> None:
        with suppress(aiohttp.ClientError, OSError):
            async with self._session.get(f"{URL}/v1/lease") as answer:
                async for _ in answer.content.iter_any():
                    pass

    def _spawn(self) -> None:
        """Start the process and wait for its ready line, or for another one's socket."""
        if self._process:
            self._process.poll()
        log_path = put_aside(self._home.folder("logs") / "engine.log")
        self._home.folder("run")
        with open(log_path, "ab", opener=private) as log_file:
            # A session of its own: the engine is shared and outlives the one that started it.
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log_file,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,
                cwd="/",
            )
        _await_ready(self._process, str(log_path))

    def _command(self) -> list[str]:
        command = [sys.executable, "-I", "-m", "lodestar_engine", "--home", str(self._home.root)]
        command += ["--idle-unload", str(self._settings.idle_unload_s)]
        command += ["--idle-exit", str(self._settings.idle_exit_s)]
        if self._settings.threads:
            command += ["--threads", str(self._settings.threads)]
        return command


def _await_ready(process: subprocess.Popen[bytes], log_path: str) -> None:
    stdout = process.stdout
    if stdout is None:
        raise ConnectionError("the engine has no output")
    deadline = time.monotonic() + START_TIMEOUT_S
    with stdout:
        ready, _, _ = select.select([stdout], [], [], deadline - time.monotonic())
        line = stdout.readline() if ready else b""
    if not line:
        # Exit code 0 without a line: another engine holds the lock and is about to answer.
        if process.poll() is None and not ready:
            process.kill()
        if _code(process) != 0:
            raise ConnectionError(f"the engine did not start (see {log_path})")
        return
    if not line.startswith(b"{") or not json.loads(line).get("ready"):
        raise ConnectionError(f"the engine is not ready (see {log_path})")


def _code(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        return None
