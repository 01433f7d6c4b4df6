"""The look at what became of earlier edits, in the background of a session."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from lodestar.paths import Home
from lodestar.private import bare_environment
from lodestar.private_log import private, put_aside

START_AFTER_S = 10.0
"""Aider's own start is over by then; this one would slow it."""
END_S = 2.0


class Outcomes:
    """One process, started a while after the session and ended with it."""

    def __init__(self, home: Home, project: Path, after_s: float | None = None) -> None:
        self._home = home
        self._project = project
        self._lock = threading.Lock()
        self._over = False
        self._process: subprocess.Popen[bytes] | None = None
        after_s = START_AFTER_S if after_s is None else after_s
        self._timer = threading.Timer(after_s, self._begin)
        self._timer.daemon = True

    def __enter__(self) -> Outcomes:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, with whatever it started, wherever it is."""
        self._timer.cancel()
        with self._lock:
            self._over = True
            process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _begin(self) -> None:
        # No room for a log or a process is no reason to trouble the user.
        with self._lock, suppress(OSError):
            if not self._over and (self._project / ".git").exists():
                self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-m", "lodestar.outcomes"]
        command += ["--home", str(self._home.root), "--project", str(self._project)]
        log = put_aside(self._home.folder("logs") / "outcomes.log")
        with open(log, "ab", opener=private) as file:
            return subprocess.Popen(
                command,
                env=bare_environment(os.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=file,
                # Neither the terminal's signals nor the end of Aider's children are for it.
                start_new_session=True,
            )
