"""Aider in the foreground: the user's terminal, their process group, their exit code."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lodestar.supervisor.head_start import HeadStart
from lodestar.supervisor.signals import Signals

# Aider leaves cleanly on two interrupts; the later signals are for one that does not.
_FIRMLY: Sequence[tuple[int, float]] = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))
_GENTLY: Sequence[tuple[int, float]] = (
    (signal.SIGINT, 0.5),
    (signal.SIGINT, 5.0),
    *_FIRMLY,
)
COMMIT_S = 5.0
"""How long an edit that is applied may wait for its commit, where the session is to end."""


class AiderProcess:
    """One Aider, waited for in the main thread."""

    def __init__(
        self, launcher: HeadStart, signals: Signals, awaits_commit: Callable[[], bool]
    ) -> None:
        self._launcher = launcher
        self._signals = signals
        self._awaits_commit = awaits_commit
        self.killed_by: int | None = None
        """The signal that ended it."""

    def run(self, spec: Path, failed: threading.Event) -> int:
        """Run to the end; 128 + n for a signal. Ends Aider when `failed` is set."""
        self._launcher.give(spec)
        code = self._wait(self._launcher.process, failed)
        self._launcher.let_go()
        if code < 0:
            self.killed_by = -code
        return 128 - code if code < 0 else code

    def _wait(self, process: subprocess.Popen[bytes], failed: threading.Event) -> int:
        while not (self._signals.stop.is_set() or failed.is_set()):
            try:
                return process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        # Without a shim there is nothing to finish; Aider may not even have started.
        if not failed.is_set():
            _wait_until(lambda: not self._awaits_commit() or _ended(process), COMMIT_S)
        for number, patience in _FIRMLY if failed.is_set() else _GENTLY:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
            if _wait_until(lambda: _ended(process), patience):
                break
        return process.wait()


def _ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def _wait_until(done: Callable[[], bool], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
