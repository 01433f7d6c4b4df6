"""Putting a database back: from a backup and the journal, or a new one begun knowingly."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from lodestar.clock import now_ms
from lodestar.errors import LedgerError
from lodestar.ids import new_id
from lodestar.paths import Home
from lodestar.store import backup, fitness, journal, state
from lodestar.store.connection import alone
from lodestar.store.daily import DAY_MS, only_one
from lodestar.store.journal import Entry
from lodestar.store.look import read_only
from lodestar.store.lost import Lost, exchanges, newest
from lodestar.store.migrations import MigrationSet
from lodestar.store.store import Store, unusable

log = logging.getLogger("lodestar.store.restore")
DRAFT = "usage.db.new"
SUFFIXES = ("", "-wal", "-shm")
ALONE_S = 30.0


@dataclass(frozen=True)
class Plan:
    """What a restore would do: the source, None for an empty one; the rows of the journal."""

    source: Path | None
    taken_ms: int
    entries: tuple[Entry, ...]
    skipped: int
    bad: tuple[Path, ...]
    """Backups that are damaged and were passed over."""


@dataclass(frozen=True)
class Done:
    """What it did: the rows that the backup did not have, and where the old files are."""

    replayed: int
    lost: int
    """Rows that could not be put back."""
    aside: Path | None
    exchanges: tuple[Lost, ...] = ()
    """Those that are known to have been and are in the log no more."""


def plan(home: Home, source: Path | None = None) -> Plan:
    """Find the newest good backup, or check `source`, and what the journal knows beyond it.

    Raises LedgerError where there is nothing to restore from.
    """
    bad: list[Path] = []
    candidates = [source] if source else backup.backups(home)
    for path in candidates:
        if path.is_file() and backup.is_good(path):
            taken = _taken(path)
            return Plan(path, taken, *_entries(home, taken), tuple(bad))
        bad.append(path)
    entries, skipped = _entries(home, 0)
    if source or not entries:
        what = f"{source} is no sound database" if source else "there is no sound backup"
        do = "lodestar data reset --accept begins anew; the old files are kept"
        raise LedgerError(what, ", ".join(map(str, bad)), do)
    return Plan(None, 0, entries, skipped, tuple(bad))


def restore(home: Home, wanted: Plan, sets: Sequence[MigrationSet]) -> Done:
    """Do it. The files of before are moved aside; until the new one is whole they stay."""

    missing: list[Lost] = []

    def fill(connection: sqlite3.Connection) -> tuple[int, int]:
        since = wanted.taken_ms or newest(connection)
        missing.extend(exchanges(connection, wanted.entries, since, home.database))
        return replay(connection, wanted.entries, sets)

    note = {"action": "restore", "from": str(wanted.source) if wanted.source else None}
    done = _exchange(home, wanted.source, sets, fill, note)
    return replace(done, exchanges=tuple(missing))


def reset(home: Home, sets: Sequence[MigrationSet]) -> Done:
    """Begin anew, knowingly: the old files go aside, the backups stay."""
    return _exchange(home, None, sets, lambda connection: (0, 0), {"action": "reset"})


def _exchange(
    home: Home,
    source: Path | None,
    sets: Sequence[MigrationSet],
    fill: Callable[[sqlite3.Connection], tuple[int, int]],
    note: Mapping[str, Any],
) -> Done:
    """Build a database beside the one that is there, then put it in its place."""
    place = fitness.misplaced(home.database)
    if place and not home.database.is_symlink():
        raise place
    draft, reason = home.root / DRAFT, LedgerError("this is a draft of the database")
    with only_one(home, ALONE_S), alone(home.database):
        _remove(draft)
        try:
            if source:
                backup.copy(source, draft, lambda connection: None)
            with Store.stand_in(draft, sets, reason) as store, store.write() as connection:
                replayed, lost = fill(connection)
                found = _count_on(home, connection, note)
            # With the last connection the log beside it was emptied and removed.
            aside = _put_aside(home)
            os.replace(draft, home.database)
            state.write_witness(home.database, found)
        finally:
            _remove(draft)
    return Done(replayed, lost, aside)


def replay(
    connection: sqlite3.Connection, entries: Sequence[Entry], sets: Sequence[MigrationSet]
) -> tuple[int, int]:
    """Put back the rows that the database lacks, in the caller's transaction.

    Returns how many it were, and how many could not be put back: what they refer to is lost.
    """
    count, left = 0, list(entries)
    while left:
        refused = []
        for entry in left:
            added = _replayed(connection, entry, sets)
            count += added or 0
            if added is None:
                refused.append(entry)
        if len(refused) == len(left):
            break
        # What one of them refers to may have come after it.
        left = refused
    for entry in left:
        log.error("a row of %s could not be put back: %s", entry.table, entry.row.get("id"))
    return count, len(left)


def _replayed(
    connection: sqlite3.Connection, entry: Entry, sets: Sequence[MigrationSet]
) -> bool | None:
    """Whether a row was missing; None where it cannot be put back, and left no trace."""
    connection.execute("SAVEPOINT replayed")
    try:
        added = replay_row(connection, entry.table, entry.row, sets)
        return _insert(connection, entry.table, entry.row) if added is None else added
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK TO replayed")
        return None
    finally:
        connection.execute("RELEASE replayed")


def replay_row(
    connection: sqlite3.Connection,
    table: str,
    row: Mapping[str, Any],
    sets: Sequence[MigrationSet],
) -> bool | None:
    """Let the owner of a table put a row back; None where nobody claims it."""
    for group in sets:
        added = group.replay(connection, table, row) if group.replay else None
        if added is not None:
            return added
    return None


def _insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> bool:
    """A row of a table that nobody claims; references to what is not there are left out."""
    columns = {c["name"] for c in connection.execute(f'PRAGMA table_info("{table}")').fetchall()}
    if not columns or not set(row) <= columns:
        return False
    values = dict(row)
    for key in connection.execute(f'PRAGMA foreign_key_list("{table}")').fetchall():
        sql = f'SELECT 1 FROM "{key["table"]}" WHERE "{key["to"]}" = ?'  # noqa: S608
        if connection.execute(sql, (values.get(key["from"]),)).fetchone() is None:
            values[key["from"]] = None
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join("?" for _ in values)
    sql = f'INSERT OR IGNORE INTO "{table}"({names}) VALUES ({marks})'  # noqa: S608
    return connection.execute(sql, list(values.values())).rowcount == 1


def _entries(home: Home, since_ms: int) -> tuple[tuple[Entry, ...], int]:
    found: dict[tuple[str, Any], Entry] = {}
    skipped = 0
    for path in journal.files(home):
        read = journal.read(path)
        skipped += read.skipped
        for entry in read.entries:
            found[entry.table, entry.row.get("id", id(entry))] = entry
    # A row that is in the backup is found there by its id; a clock may have been set back.
    return tuple(e for e in found.values() if e.at_ms >= since_ms - DAY_MS), skipped


def _taken(path: Path) -> int:
    """When a backup was begun; a database that is none knows all of the journal or nothing."""
    try:
        with read_only(path) as connection:
            return int(state.facts(connection).get(backup.TAKEN, 0))
    except sqlite3.Error as error:
        raise unusable(path, error) from error


def _count_on(home: Home, connection: sqlite3.Connection, note: Mapping[str, Any]) -> state.State:
    """Let the sequence go on where the database of before had got to, and note what was done."""
    try:
        witness = state.read_witness(home.database)
    except LedgerError:
        witness = None
    now = state.read(connection)
    if now is None:
        raise LedgerError("the restored database has no tables", "", state.ANEW)
    sequence = max(now.sequence, witness.sequence if witness else 0) + 1
    state.put(connection, "sequence", sequence)
    state.remove(connection, state.STANDS_FOR)
    state.put(connection, "origin", json.dumps({**note, "at_ms": now_ms()}))
    return state.State(now.instance_id, sequence, now.schema)


def _put_aside(home: Home) -> Path | None:
    """Move the database's files away, together, under one name; None where there are none."""
    there = [suffix for suffix in SUFFIXES if os.path.lexists(f"{home.database}{suffix}")]
    if not there:
        return None
    moment = datetime.fromtimestamp(now_ms() / 1000, tz=timezone.utc)
    target = home.folder("aside") / f"usage-{moment:%Y%m%dT%H%M%SZ}-{new_id()[-4:]}.db"
    for suffix in there:
        os.rename(f"{home.database}{suffix}", f"{target}{suffix}")
    return target


def aside(home: Home) -> list[Path]:
    """The databases that were moved aside; they hold what they held."""
    return sorted((home.root / "aside").glob("usage-*.db"))


def _remove(draft: Path) -> None:
    backup.remove(draft)
    Path(f"{draft}.lock").unlink(missing_ok=True)
