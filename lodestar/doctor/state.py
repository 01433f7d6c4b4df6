"""Lodestar's home: whether it is private, and whether its database is sound."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

from lodestar.doctor.check import Check, Problem
from lodestar.errors import LodestarError
from lodestar.paths import KEY_FILE, Home, is_shared, make_private, own_files, tighten
from lodestar.store import backup
from lodestar.store.stand_in import kept
from lodestar.store.state import read_witness, witness_path
from lodestar.store.store import Store

AT_MOST = 5
"""Files named of those that others may read."""
MISSED_MS = 2 * 86_400_000
DO_BACKUP = "lodestar data backup"


def checks(home: Home, store: Store | LodestarError) -> list[Check]:
    """The checks of a home; `store` is its database, or why it cannot be opened."""
    # Without a database there is nothing that a witness could know.
    known = (
        ()
        if isinstance(store, LodestarError)
        else (Check("a witness that knows the database", lambda: unwitnessed(home, store)),)
    )
    return [
        Check("a home that only you can read", lambda: readable(home)),
        Check("a sound database", lambda: unsound(store)),
        *known,
        Check("a recent backup that is whole", lambda: stale(home, store)),
        Check("no session whose log is kept apart", lambda: apart(home)),
        Check(sqlite_subject(sqlite3.sqlite_version_info), list),
    ]


def readable(home: Home) -> list[Problem]:
    """Files and folders on which others have rights."""
    open_ones = [path for path in (home.root, *own_files(home.root)) if _is_open(path)]
    more = f", and {len(open_ones) - AT_MOST} more" if len(open_ones) > AT_MOST else ""
    names = ", ".join(str(path) for path in open_ones[:AT_MOST])
    if not open_ones:
        return []
    do, why = f"chmod -R go= {home.root}", "what others may read, they may copy"
    what = f"others have rights on {names}{more}"
    keys = home.root / KEY_FILE in open_ones
    if keys:
        do += f"; then change the keys in {KEY_FILE} at their providers"
    return [Problem(what, do, why, fix=lambda: _made_private(home, len(open_ones), keys))]


def _made_private(home: Home, count: int, keys: bool) -> str:
    for path in (home.root, *([home.root / KEY_FILE] if keys else [])):
        with suppress(FileNotFoundError):
            tighten(path)
    problems = make_private(home.root)
    if problems:
        raise problems[0]
    told = f"; others may know the keys in {KEY_FILE}: change them at their providers"
    made = "1 file or folder" if count == 1 else f"{count} files and folders"
    return f"made {made} private{told if keys else ''}"


def unsound(store: Store | LodestarError) -> list[Problem]:
    """What SQLite finds wrong with the file."""
    if isinstance(store, LodestarError):
        return [Problem(store.what, store.do, store.why)]
    said = store.rows("PRAGMA integrity_check")[0][0]
    if said == "ok":
        return []
    return [Problem(f"{store.path}: {said}", "restore it from a backup before you go on")]


def unwitnessed(home: Home, store: Store) -> list[Problem]:
    """What would let the database be exchanged unseen."""
    if store.unfit:
        return [Problem(store.unfit.what, store.unfit.do, store.unfit.why)]
    if read_witness(home.database) is None:
        why = "without it the database could be exchanged unseen"
        return [Problem(f"{witness_path(home.database)} is missing", "start a session", why)]
    return []


def stale(home: Home, store: Store | LodestarError) -> list[Problem]:
    """Work that no backup has."""
    files = backup.backups(home)
    if files and not backup.is_good(files[0]):
        return [Problem(f"{files[0]} is damaged", f"rm {files[0]}; lodestar data backup")]
    if isinstance(store, LodestarError):
        do = "lodestar data restore puts back what the journal knows"
        return [] if files else [Problem("there is no backup", do)]
    row = store.rows("SELECT min(started_ms), max(started_ms) FROM exchanges")[0]
    if row[0] is None:
        return []
    saved = files[0].stat().st_mtime * 1000 if files else row[0]
    if row[1] - saved <= MISSED_MS:
        return []
    what = f"the last backup is {files[0]}" if files else "there is no backup"
    why = "what is lost with the database is lost for good"
    what = f"{what}, and there is work of more than two days since"
    return [Problem(what, DO_BACKUP, why, "warn")]


def apart(home: Home) -> list[Problem]:
    """Stand-ins: what was asked while the database could not be used."""
    do = "lodestar data merge, once the database can be used"
    why = "the database could not be used while it ran"
    return [Problem(f"{path} holds a session", do, why, "warn") for path in kept(home)]


def sqlite_subject(version: tuple[int, int, int]) -> str:
    """SQLite's version. Its fault with logs that are begun anew cannot meet our lock."""
    name = "SQLite " + ".".join(map(str, version))
    mended = version >= (3, 51, 3) or any(
        version[:2] == first[:2] and version >= first for first in ((3, 50, 7), (3, 44, 6))
    )
    note = "" if mended else "; let no other program write to usage.db: it may damage the file"
    return f"a database engine: {name}{note}"


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
