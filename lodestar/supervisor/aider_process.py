"""Aider in the foreground: the user's terminal, their process group, their exit code."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from lodestar.supervisor.head_start import HeadStart

# Aider leaves cleanly on two interrupts; the later signals are for one that does not.
_FIRMLY: Sequence[tuple[int, float]] = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))
_GENTLY: Sequence[tuple[int, float]] = (
    (signal.SIGINT, 0.5),
    (signal.SIGINT, 5.0),
    *_FIRMLY,
)


class AiderProcess:
    """One Aider, waited for in the main thread."""

    def __init__(self, launcher: HeadStart) -> None:
        self._launcher = launcher
        self._stop = threading.Event()
        self.stopped_by: int | None = None
        """The signal that ended the session, None where Aider left by itself."""

    def run(self, spec: Path, failed: threading.Event) -> int:
        """Run to the end; 128 + n for a signal. Ends Aider when `failed` is set."""
        with _foreground(self._on_signal):
            self._launcher.give(spec)
            code = self._wait(self._launcher.process, failed)
        self._launcher.let_go()
        return 128 - code if code < 0 else code

    def _wait(self, process: subprocess.Popen[bytes], failed: threading.Event) -> int:
        while not (self._stop.is_set() or failed.is_set()):
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

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self.stopped_by = self.stopped_by or number
        self._stop.set()


@contextmanager
def _foreground(on_signal: object) -> Iterator[None]:
    """Leave Ctrl-C to the child; end it on SIGTERM and SIGHUP. Restores the handlers."""
    # A handler, never SIG_IGN: a child would inherit that and be deaf to Ctrl-C.
    handlers = {
        signal.SIGINT: lambda *_: None,
        signal.SIGQUIT: lambda *_: None,
        signal.SIGTERM: on_signal,
        signal.SIGHUP: on_signal,
    }
    before = {number: signal.signal(number, handlers[number]) for number in handlers}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
