"""The session's shim: started beside Aider, restarted on its port when it dies."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from lodestar.paths import Home

RESTARTS = 5
RESTART_WINDOW_S = 60.0
DRAIN_S = 15.0


class ShimProcess:
    """Owns the listening socket, so that a restarted shim keeps port and waiting connections."""

    def __init__(self, home: Home, spec: Path) -> None:
        self._home = home
        self._spec = spec
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._errors = spec.with_name("shim.err")
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._monitor = threading.Thread(target=self._watch, daemon=True)
        self.failed = threading.Event()
        """Set when the shim cannot be kept running."""
        self.exit_code = 0

    @property
    def port(self) -> int:
        """The port that Aider talks to."""
        return int(self._listener.getsockname()[1])

    @property
    def pid(self) -> int | None:
        """The shim's process id, None before its start."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the shim and the thread that watches over it."""
        self._spawn()
        self._monitor.start()

    def stop(self) -> None:
        """Close the shim's stdin, which ends it, and wait until its last rows are written."""
        with self._lock:
            self._stopping.set()
            process = self._process
        self._listener.close()
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(DRAIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._monitor.join(DRAIN_S)

    def error_text(self) -> str:
        """What the shim said on stderr before it gave up."""
        try:
            return self._errors.read_text("utf-8", "replace").strip()
        except OSError:
            return ""

    def _spawn(self) -> None:
        command = [sys.executable, "-I", "-m", "lodestar_shim", "--home", str(self._home.root)]
        command += ["--spec", str(self._spec), "--fd", str(self._listener.fileno())]
        with open(self._errors, "wb", opener=_private) as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=[self._listener.fileno()],
            )

    def _watch(self) -> None:
        deaths: list[float] = []
        while self._process is not None:
            code = self._process.wait()
            with self._lock:
                if self._stopping.is_set():
                    return
                now = time.monotonic()
                deaths = [t for t in deaths if now - t < RESTART_WINDOW_S] + [now]
                # A positive code is an error that it explained; a signal deserves a new start.
                if len(deaths) > RESTARTS or code > 0:
                    self.exit_code = code
                    self.failed.set()
                    return
                if self._process.stdin:
                    self._process.stdin.close()
                self._spawn()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_TRUNC, 0o600)
