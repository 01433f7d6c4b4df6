"""Backups: the whole database once a day, checked before it counts."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, tzinfo
from pathlib import Path

from lodestar.clock import now_ms
from lodestar.errors import LedgerError
from lodestar.paths import Home
from lodestar.store import state
from lodestar.store.look import read_only

TAKEN = "backed_up_ms"
"""The fact in a backup that says when it was begun: what came later is in the journal."""


def backups(home: Home) -> list[Path]:
    """The finished backups, the newest first."""
    return sorted((home.root / "backup").glob("usage-*.db"), reverse=True)


def today(home: Home, zone: tzinfo | None) -> Path:
    """Where the backup of the user's day goes."""
    day = datetime.fromtimestamp(now_ms() / 1000, tz=zone).date()
    return home.folder("backup") / f"usage-{day.isoformat()}.db"


def back_up(database: Path, target: Path) -> Path:
    """Copy a database that is in use, check the copy, and put it in its place.

    Whatever happens on the way, `target` is a whole backup or what it was before. The caller
    sees to it that only one does it.
    """
    taken = now_ms()

    def mark(connection: sqlite3.Connection) -> None:
        if state.has_table(connection, "store_state"):
            state.put(connection, TAKEN, taken)

    return copy(database, target, mark)


def copy(source: Path, target: Path, change: Callable[[sqlite3.Connection], None]) -> Path:
    """A copy of a database with something changed, checked before it takes the name `target`."""
    draft = target.with_name(target.name + ".tmp")
    remove(draft)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with read_only(source) as origin, closing(sqlite3.connect(draft)) as made:
            origin.backup(made)
            made.isolation_level = None
            made.row_factory = sqlite3.Row
            # One plain file, which can be read where nothing can be written.
            made.execute("PRAGMA journal_mode=DELETE")
            made.execute("PRAGMA secure_delete=ON")
            change(made)
            said = made.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if said != "ok":
            raise LedgerError(f"{source} is damaged", " ".join(str(said).split()), state.RESTORE)
        _sync(draft)
        os.replace(draft, target)
        _sync(target.parent)
    except BaseException:
        remove(draft)
        raise
    return target


def is_good(path: Path) -> bool:
    """Whether a backup is whole."""
    try:
        with read_only(path) as connection:
            return str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0]) == "ok"
    except (sqlite3.Error, OSError):
        return False


def prune(home: Home, keep: int) -> list[Path]:
    """Delete the backups that are older than the `keep` newest; returns which."""
    old = backups(home)[keep:]
    for path in old:
        remove(path)
    return old


def remove(path: Path) -> None:
    """Delete a database that nobody has open, and what SQLite may have left beside it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
