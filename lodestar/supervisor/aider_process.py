"""Aider in the foreground: the user's terminal, their process group, their exit code."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Sequence
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


class AiderProcess:
    """One Aider, waited for in the main thread."""

    def __init__(self, launcher: HeadStart, signals: Signals) -> None:
        self._launcher = launcher
        self._signals = signals

    def run(self, spec: Path, failed: threading.Event) -> int:
        """Run to the end; 128 + n for a signal. Ends Aider when `failed` is set."""
        self._launcher.give(spec)
        code = self._wait(self._launcher.process, failed)
        self._launcher.let_go()
        return 128 - code if code < 0 else code

    def _wait(self, process: subprocess.Popen[bytes], failed: threading.Event) -> int:
        while not (self._signals.stop.is_set() or failed.is_set()):
            try:
                return process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        # Without a shim there is nothing to finish; Aider may not even have started.
        for number, patience in _FIRMLY if failed.is_set() else _GENTLY:
            process.send_signal(number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    return process.wait()
                time.sleep(0.02)
        return process.wait()
