"""The pipe from the supervisor: first the specification's path, then nothing until its death."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import termios
import threading
from pathlib import Path
from typing import Any

PATH_LIMIT = 8192


class Handover:
    """Reads the inherited end of the supervisor's pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # Children of Aider must not hold the lifeline's reading end open.
        os.set_inheritable(descriptor, False)
        self._terminal = _terminal_settings()

    def spec_path(self) -> Path | None:
        """Import Aider, then wait for the path; None where the supervisor left without one."""
        _import_ahead()
        text = b""
        while not text.endswith(b"\n") and len(text) < PATH_LIMIT:
            piece = os.read(self._descriptor, PATH_LIMIT)
            if not piece:
                return None
            text += piece
        return Path(os.fsdecode(text.rstrip(b"\n")))

    def watch(self) -> None:
        """From now on, leave when the supervisor dies: nobody else would end this process."""
        threading.Thread(target=self._await_end, name="lodestar-lifeline", daemon=True).start()

    def _await_end(self) -> None:
        while os.read(self._descriptor, 1024):
            continue
        if self._terminal is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, self._terminal)
        os.kill(os.getpid(), signal.SIGTERM)


def _terminal_settings() -> Any:
    try:
        return termios.tcgetattr(sys.stdin.fileno())
    except (termios.error, OSError, ValueError):
        return None


def _import_ahead() -> None:
    # What is missing or strange is found and explained by the checks that follow.
    try:
        importlib.import_module("aider.main")
    except ImportError:
        return
