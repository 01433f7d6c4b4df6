"""Whether somebody is still there: a pid, asked about."""

from __future__ import annotations

import os
from pathlib import Path

STATE, STARTED = 0, 19
"""Fields of /proc/PID/stat: the state, and the start in clock ticks since boot."""


def runs(pid: int) -> bool:
    """Whether the process exists. A stopped one does; one that only waits to be reaped does not."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return stat_field(pid, STATE) != "Z"


def stat_field(pid: int, number: int) -> str:
    """A field of /proc/PID/stat, counted from the one after the name; empty where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # The name in parentheses may hold anything.
    return stat.rpartition(")")[2].split()[number]
