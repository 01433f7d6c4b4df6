"""How much memory is free, so that extra caches are only made where there is room."""

from __future__ import annotations

import os
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
STATM = Path("/proc/self/statm")
CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """Memory that can be taken without swapping; None where the system does not say."""
    known = [size for size in (_system(), _cgroup()) if size is not None]
    return min(known, default=None)


def resident_bytes() -> int:
    """This process's resident memory; 0 where the system does not say."""
    try:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _system() -> int | None:
    return _field(MEMINFO, "MemAvailable:", 1024)


def _cgroup() -> int | None:
    """What is left of a container's limit; its file cache counts as free."""
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = int((CGROUP / "memory.current").read_text())
    except OSError:
        return None
    if limit == "max":
        return None
    cache = _field(CGROUP / "memory.stat", "inactive_file", 1) or 0
    return max(0, int(limit) - used + cache)


def _field(path: Path, name: str, unit: int) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * unit for line in lines if line.startswith(name)), None)
