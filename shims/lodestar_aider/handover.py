"""The pipe from the supervisor: first the specification's path, then nothing until its death."""

from __future__ import annotations

import importlib
import os
import queue
import signal
import termios
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from lodestar_aider.descendants import adopt_orphans, end_descendants

PATH_LIMIT = 8192
STDIN = 0


class Handover:
    """Reads the inherited end of the supervisor's pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # Children of Aider must not hold the lifeline's reading end open.
        os.set_inheritable(descriptor, False)
        self._terminal = _terminal_settings()
        self._paths: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def spec_path(self) -> Path:
        """Import Aider, then wait for the path; the process ends where none comes."""
        self.watch()
        _import_ahead()
        return Path(os.fsdecode(self._paths.get().rstrip(b"\n")))

    def watch(self) -> None:
        """From now on, leave when the supervisor dies: nobody else would end this process."""
        adopt_orphans()
        threading.Thread(target=self._run, name="lodestar-lifeline", daemon=True).start()

    def _run(self) -> None:
        # With the shell back in the foreground, a change of the terminal would stop us here.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            self._read_to_the_end()
            end_descendants()
            self._restore_terminal()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def _read_to_the_end(self) -> None:
        text = b""
        while piece := os.read(self._descriptor, PATH_LIMIT):
            text += piece
            if text.endswith(b"\n"):
                self._paths.put(text)

    def _restore_terminal(self) -> None:
        with suppress(termios.error, OSError, ValueError):
            # A shell that has taken the terminal back has set it as it wants it.
            if self._terminal is not None and os.tcgetpgrp(STDIN) == os.getpgrp():
                termios.tcsetattr(STDIN, termios.TCSANOW, self._terminal)


def _terminal_settings() -> Any:
    try:
        return termios.tcgetattr(STDIN)
    except (termios.error, OSError, ValueError):
        return None


def _import_ahead() -> None:
    # What is missing or strange is found and explained by the checks that follow.
    try:
        importlib.import_module("aider.main")
    except ImportError:
        return
