"""Lodestar's home: whether it is private, and whether its database is sound."""

from __future__ import annotations

import stat
from pathlib import Path

from lodestar.doctor.check import Check, Problem
from lodestar.errors import LodestarError
from lodestar.paths import Home, is_shared, own_files
from lodestar.store.store import Store

AT_MOST = 5
"""Files named of those that others may read."""


def checks(home: Home, store: Store | LodestarError) -> list[Check]:
    """The checks of a home; `store` is its database, or why it cannot be opened."""
    return [
        Check("a home that only you can read", lambda: readable(home)),
        Check("a sound database", lambda: unsound(store)),
    ]


def readable(home: Home) -> list[Problem]:
    """Files and folders on which others have rights."""
    open_ones = [path for path in (home.root, *own_files(home.root)) if _is_open(path)]
    more = f", and {len(open_ones) - AT_MOST} more" if len(open_ones) > AT_MOST else ""
    names = ", ".join(str(path) for path in open_ones[:AT_MOST])
    do = f"chmod -R go= {home.root}"
    return [Problem(f"others have rights on {names}{more}", do)] if open_ones else []


def unsound(store: Store | LodestarError) -> list[Problem]:
    """What SQLite finds wrong with the file."""
    if isinstance(store, LodestarError):
        return [Problem(f"{store.what}: {store.why}", store.do)]
    said = store.rows("PRAGMA integrity_check")[0][0]
    if said == "ok":
        return []
    return [Problem(f"{store.path}: {said}", "restore it from a backup before you go on")]


def _is_open(path: Path) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    # `models import --link` shares a file, and its rights, with the user's own one elsewhere.
    if is_shared(status):
        return False
    # A socket is protected by its folder; a link's own rights mean nothing.
    return stat.S_IFMT(status.st_mode) in (stat.S_IFREG, stat.S_IFDIR) and bool(
        status.st_mode & 0o077
    )
