"""Aider in the foreground: the user's terminal, their process group, their exit code."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from lodestar.errors import LodestarError

# Aider leaves cleanly on two interrupts; the later signals are for one that does not.
_FIRMLY: Sequence[tuple[int, float]] = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))
_GENTLY: Sequence[tuple[int, float]] = (
    (signal.SIGINT, 0.5),
    (signal.SIGINT, 5.0),
    *_FIRMLY,
)


def launcher_path() -> Path:
    """The launcher's entry file; it runs in Aider's interpreter, so it is never imported here."""
    found = importlib.util.find_spec("lodestar_aider")
    if found is None or not found.submodule_search_locations:
        raise LodestarError("the Aider launcher is missing", "the installation is incomplete", "")
    return Path(next(iter(found.submodule_search_locations))) / "__main__.py"


class AiderProcess:
    """One Aider. Spawned from the main thread and waited for there."""

    def __init__(self, python: str | None, spec: Path, environment: dict[str, str]) -> None:
        self._command = [python or sys.executable, "-I", str(launcher_path()), str(spec)]
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self.stopped_by: int | None = None
        """The signal that ended the session, None where Aider left by itself."""

    def run(self, failed: threading.Event) -> int:
        """Run to the end; 128 + n for a signal. Ends Aider when `failed` is set.

        Raises LodestarError where the interpreter cannot be started.
        """
        with _foreground(self._on_signal):
            try:
                self._process = subprocess.Popen(self._command, env=self._environment)
            except OSError as error:
                raise LodestarError(
                    f"cannot start {self._command[0]}",
                    str(error.strerror or error),
                    "set aider.python in config.yaml to an interpreter that has Aider",
                ) from error
            code = self._wait(failed)
        return 128 - code if code < 0 else code

    def _wait(self, failed: threading.Event) -> int:
        process = self._process
        if process is None:
            raise RuntimeError("not started")
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
    # A handler, never SIG_IGN: the child would inherit that and be deaf to Ctrl-C.
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
