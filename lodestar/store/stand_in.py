"""A database for one session whose real one cannot be used: free work goes on, and is kept."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lodestar.errors import LedgerError, UsageError
from lodestar.paths import Home
from lodestar.store import state
from lodestar.store.look import CLOSED, read_only
from lodestar.store.migrations import MigrationSet
from lodestar.store.store import Store, unusable

DATABASE_FILES = ("", "-wal", "-shm", ".lock", ".users")


def open_stand_in(
    home: Home, session: str, sets: Sequence[MigrationSet], reason: LedgerError
) -> Store:
    """The session's stand-in, in the home or, where nothing can be written there, outside.

    Raises LedgerError where there is no room at all.
    """
    inside, outside = _inside(home, session), _outside(session)
    there = inside.exists()
    try:
        return _open(inside, sets, reason)
    except LedgerError:
        if not there:
            with suppress(OSError):
                remove(inside)
    try:
        _make_private(outside.parent)
    except OSError as error:
        raise unusable(outside, error) from error
    return _open(outside, sets, reason)


def find(home: Home, session: str) -> Path | None:
    """The stand-in of a session, None where it has none."""
    places = (_inside(home, session), _outside(session))
    return next((path for path in places if path.is_file()), None)


def kept(home: Home) -> list[Path]:
    """The stand-ins that are left in a home."""
    return sorted((home.root / "run").glob("stand-in-*.db"))


def reopen(path: Path, sets: Sequence[MigrationSet]) -> Store:
    """A stand-in that is there, with its reason."""
    store = Store.stand_in(path, sets, LedgerError("the database could not be used"))
    with suppress(KeyError, ValueError, sqlite3.Error):
        row = store.row("SELECT value FROM store_state WHERE key = ?", (state.STANDS_FOR,))
        store.stands_for = LedgerError(*json.loads(row["value"])) if row else store.stands_for
    return store


def checked(path: Path, database: Path) -> Path:
    """The file itself, where it is a stand-in by its own mark. It is not changed in any way.

    Raises UsageError for all else; what belongs to `database` is not even opened.
    """
    found = path.resolve()
    why = _not_one(found, database)
    if why:
        do = "lodestar data status lists the stand-ins"
        raise UsageError(f"{path} is no stand-in; nothing was taken in", why, do)
    return found


def _not_one(path: Path, database: Path) -> str | None:
    if not path.is_file():
        return "there is no such file"
    own = [Path(f"{database}{suffix}") for suffix in DATABASE_FILES]
    if any(one.exists() and one.samefile(path) for one in own):
        return "it belongs to the database itself"
    if (database.parent / "backup").resolve() in path.parents:
        return "it belongs to the backups"
    try:
        # With a log beside it, the mark may be in there; without, none must be made.
        with read_only(path, fixed=not Path(f"{path}-wal").exists()) as connection:
            marked = state.STANDS_FOR in state.facts(connection)
    except (sqlite3.Error, OSError) as error:
        return str(error)
    return None if marked else "it is not marked as one"


def leave(store: Store) -> None:
    """Close a stand-in; one in which nothing was asked is deleted."""
    empty = store.row("SELECT 1 FROM exchanges LIMIT 1") is None
    store.close()
    if empty:
        remove(store.path)


def remove(path: Path) -> None:
    """Delete a stand-in with all that belongs to it."""
    for suffix in ("", "-wal", "-shm", ".lock"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def told(store: Store, problem: LedgerError) -> LedgerError:
    """What the user has to know about a session on a stand-in."""
    return LedgerError(
        f"{problem.what}; {CLOSED}",
        f"{problem.why or 'see above'}; this session's log is kept in {store.path}",
        f"{problem.do or 'see why'}; then: lodestar data merge",
    )


def _open(path: Path, sets: Sequence[MigrationSet], reason: LedgerError) -> Store:
    try:
        store = Store.stand_in(path, sets, reason)
        with store.write() as connection:
            said = json.dumps([reason.what, reason.why, reason.do])
            state.put(connection, state.STANDS_FOR, said)
    except sqlite3.Error as error:
        raise unusable(path, error) from error
    return store


def _inside(home: Home, session: str) -> Path:
    return home.root / "run" / f"stand-in-{session}.db"


def _outside(session: str) -> Path:
    """In a folder of the system's; found again by its name."""
    return Path(tempfile.gettempdir()) / f"lodestar-{os.getuid()}" / f"stand-in-{session}.db"


def _make_private(folder: Path) -> None:
    """Make the folder, where everybody may make one of that name; raises OSError."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or not stat.S_ISDIR(status.st_mode):
        raise PermissionError(f"{folder} is not private to you")
