"""Who holds money: a process, named so that a reused pid is not taken for it."""

from __future__ import annotations

import os
from pathlib import Path

from lodestar.store.sessions import boot_id


def this_process() -> str:
    """The name of this process as the owner of holds."""
    pid = os.getpid()
    return f"{boot_id()}:{pid}:{_started(pid)}"


def alive(owner: str) -> bool:
    """Whether the owner still runs; a stopped one does. Unknown counts as alive."""
    boot, pid, started = owner.rsplit(":", 2)
    if boot != boot_id():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """When the process started, in clock ticks since boot; empty where /proc does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # The name in parentheses may hold blanks; the start time is the 20th field after it.
    return stat.rpartition(")")[2].split()[19]
