"""Who holds money: a process, named so that a reused pid is not taken for it."""

from __future__ import annotations

import os
from functools import lru_cache

from lodestar.store.processes import STARTED, runs, stat_field
from lodestar.store.sessions import boot_id


def this_process() -> str:
    """The name of this process as the owner of holds."""
    return _named(os.getpid())


@lru_cache(maxsize=1)
def _named(pid: int) -> str:
    return f"{boot_id()}:{pid}:{stat_field(pid, STARTED)}"


def alive(owner: str) -> bool:
    """Whether the owner still runs; a stopped one does, one that waits to be reaped does not."""
    boot, pid, started = owner.rsplit(":", 2)
    if boot != boot_id() or not runs(int(pid)):
        return False
    # Nothing to read is a process of somebody else, or a system without /proc.
    return stat_field(int(pid), STARTED) in (started, "")
