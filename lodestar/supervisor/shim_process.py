"""The session's shim: started beside Aider, restarted on its port when it dies."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from lodestar.paths import Home
from lodestar.private import bare_environment, hand_over

RESTARTS = 5
RESTART_WINDOW_S = 60.0
SHORTEST_WAIT_S = 0.2
LONGEST_WAIT_S = 2.0
PROVEN_S = 5.0
"""A shim that lives so long has a configuration and a database that work."""
DRAIN_S = 15.0


class ShimProcess:
    """Owns the listening socket, so that a restarted shim keeps port and waiting connections."""

    def __init__(
        self,
        home: Home,
        spec: Path,
        proven_s: float = PROVEN_S,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """`environ` is what the shim is handed: the provider keys it may use are in it."""
        self._home = home
        self._spec = spec
        self._environ = environ
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._errors = spec.with_name("shim.err")
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._proven_s = proven_s
        self._proven = False
        self._problem = ""
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
        """Start the shim and the thread that watches over it. Raises OSError."""
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
        """What the shim said on stderr before it gave up, or why there is none."""
        if self._problem:
            return self._problem
        try:
            return self._errors.read_text("utf-8", "replace").strip()
        except OSError:
            return ""

    def _spawn(self) -> None:
        command = [sys.executable, "-I", "-m", "lodestar_shim", "--home", str(self._home.root)]
        command += ["--spec", str(self._spec), "--fd", str(self._listener.fileno())]
        command += ["--environment", "0"]
        with open(self._errors, "wb", opener=_private) as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=bare_environment(os.environ),
                pass_fds=[self._listener.fileno()],
                # The terminal's signals are not for it: Ctrl-Z must not stop it while it writes.
                start_new_session=True,
            )
        if self._process.stdin:
            # The keys in it must not stand in a memory that others can read.
            hand_over(self._environ, self._process.stdin.fileno())
        self._started = time.monotonic()

    def _watch(self) -> None:
        deaths: list[float] = []
        while self._process is not None:
            code = self._process.wait()
            now = time.monotonic()
            self._proven = self._proven or now - self._started >= self._proven_s
            deaths = [t for t in deaths if now - t < RESTART_WINDOW_S] + [now]
            # A positive code is an error that it explained. Where none has run yet, it counts;
            # later it may be a slip in a file that the user is editing, or a busy database.
            if len(deaths) > RESTARTS or (code > 0 and not self._proven):
                self._problem = self.error_text() or _how(code, len(deaths))
                self._give_up(code)
                return
            if self._stopping.wait(_patience(len(deaths))) or not self._restart():
                return

    def _restart(self) -> bool:
        """Start the next one; False where that is over."""
        with self._lock:
            if self._stopping.is_set():
                return False
            if self._process and self._process.stdin:
                self._process.stdin.close()
            try:
                self._spawn()
            except OSError as error:
                self._problem = f"its restart failed: {error}"
                self._give_up(1)
                return False
            return True

    def _give_up(self, code: int) -> None:
        if not self._stopping.is_set():
            self.exit_code = max(1, code)
            self.failed.set()


def _how(code: int, deaths: int) -> str:
    last = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"it ended {deaths} times within a minute, the last time with {last}"


def _patience(deaths: int) -> float:
    """Seconds before the next start."""
    return float(min(LONGEST_WAIT_S, SHORTEST_WAIT_S * 2 ** (deaths - 1)))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_TRUNC, 0o600)
