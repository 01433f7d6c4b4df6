"""What Aider started and left running: ended with the session.

Who leads a session of its own, as a browser, an editor's window or a daemon does, was meant
to stay and stays; the token that it may hold is dead by then.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SET_CHILD_SUBREAPER = 36
# A git that writes a commit may finish.
_STEPS = ((0, 1.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0))


class Orphans:
    """Adopts what Aider's death leaves behind, where the system can."""

    def __init__(self) -> None:
        # A script that replaced itself by us may have had children of its own.
        self._known = frozenset(_children())
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def end(self) -> None:
        """End those that are there, and what they leave behind in turn."""
        for number, patience in _STEPS:
            for pid in self._left():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
                    os.kill(pid, signal.SIGCONT if number else 0)
            deadline = time.monotonic() + patience
            while self._left() and time.monotonic() < deadline:
                time.sleep(0.02)

    def _left(self) -> list[int]:
        left = [pid for pid in _children() if pid not in self._known]
        for pid in left:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        return [pid for pid in left if Path(f"/proc/{pid}").exists()]


def _children() -> Iterator[int]:
    """The children of this process that lead no session."""
    parent = os.getpid()
    for folder in Path("/proc").glob("[0-9]*"):
        # It may end meanwhile. The name in parentheses may hold blanks.
        with suppress(OSError):
            stat = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            if int(stat[1]) == parent and stat[3] != folder.name:
                yield int(folder.name)
