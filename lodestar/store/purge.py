"""Deleting what is older than the user wants, in steps that keep nobody waiting."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lodestar.clock import now_ms
from lodestar.paths import Home
from lodestar.store import backup, core_purge, journal, state
from lodestar.store.journal import Entry
from lodestar.store.migrations import COUNTED_MS, MigrationSet, Purge
from lodestar.store.store import Store

CHUNK = 200
"""Rows that go in one transaction: other sessions' holds wait for its end."""
PAUSE_S = 0.03
"""Between two of them; who waits looks for his turn every few milliseconds."""
WORDS = frozenset({"branch", "tag"})
"""What a row of the journal has of the user's own words."""


def purge(store: Store, sets: Sequence[MigrationSet], wanted: Purge) -> int:
    """Delete from the database in use; returns how many rows. What is deleted is overwritten."""
    gone = 0
    for group in sets:
        for purger in group.purgers:
            while store.is_open:
                with store.write() as connection:
                    count = purger(connection, wanted, CHUNK)
                if not count:
                    break
                gone += count
                time.sleep(PAUSE_S)
    if gone and store.is_open:
        store.empty_log()
    return gone


def preview(
    database: Path, folder: Path, sets: Sequence[MigrationSet], wanted: Purge
) -> Mapping[str, int]:
    """How many rows of which table would go, found by deleting them from a copy."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".preview.", suffix=".db")
    os.close(handle)
    counts: dict[str, int] = {}

    def change(connection: sqlite3.Connection) -> None:
        before = row_counts(connection)
        apply(connection, sets, wanted)
        after = row_counts(connection)
        counts.update({t: n - after.get(t, 0) for t, n in before.items() if n > after.get(t, 0)})

    try:
        backup.copy(database, Path(name), change)
    finally:
        backup.remove(Path(name))
    return counts


def apply(connection: sqlite3.Connection, sets: Sequence[MigrationSet], wanted: Purge) -> None:
    """Delete from a database that nobody else has open."""
    with _transaction(connection):
        for group in sets:
            for purger in group.purgers:
                while purger(connection, wanted, CHUNK):
                    pass


def purge_backups(home: Home, sets: Sequence[MigrationSet], wanted: Purge) -> list[Path]:
    """Delete the same from each backup; one that is damaged is deleted whole. Returns which."""

    def change(connection: sqlite3.Connection) -> None:
        if wanted.project is not None and state.has_table(connection, "sessions"):
            # What ran when the backup was made is over by now.
            core_purge.end_all(connection, wanted.project)
        apply(connection, sets, wanted)
        connection.execute("VACUUM")

    changed = backup.backups(home)
    for path in changed:
        if backup.is_good(path):
            backup.copy(path, path, change)
        else:
            backup.remove(path)
    return changed


def purge_journal(home: Home, wanted: Purge) -> int:
    """The same in the ledger's journal; returns how many lines were deleted or changed.

    By age lines go, budgets and what a month's limit may still count do not. Of a project the
    words go and the amounts stay, as they do in the database: they still count.
    """
    if wanted.text_only:
        return 0
    before = wanted.before_ms
    if before is not None and wanted.project is None:
        before = min(before, now_ms() - COUNTED_MS)

    def change(entry: Entry) -> Entry | None:
        if before is not None and entry.at_ms >= before:
            return entry
        if wanted.project is not None:
            mine = entry.row.get("project_id") == wanted.project
            return replace(entry, row=_without_words(entry.row)) if mine else entry
        return entry if entry.table == "budgets" else None

    return sum(journal.rewrite(path, change) for path in journal.files(home))


def _without_words(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if name in WORDS else value for name, value in row.items()}


def row_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """The number of rows of every table."""
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " ORDER BY name"
    ).fetchall()
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
        for (name,) in names
    }


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
