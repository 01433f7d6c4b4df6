"""What Aider has started: programs of `/run`, tests, linters, git."""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import suppress
from pathlib import Path

_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """What a descendant leaves behind becomes a child of this process, where the system can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """Ask all below this process to end, but for those that lead a session of their own.

    Such a one was meant to stay, or has a terminal of its own that closes with this process.
    """
    for pid in _below(os.getpid()):
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) != pid:
                os.kill(pid, signal.SIGTERM)


def _below(top: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name in parentheses may hold blanks; state and parent come after it.
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found: list[int] = []
    level = [top]
    while level:
        level = [child for pid in level for child in children.get(pid, [])]
        found += level
    return found
