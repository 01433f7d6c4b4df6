"""Named migration sets, applied once each, step and record in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lodestar.errors import LedgerError

Step = Callable[[sqlite3.Connection], None]


COUNTED_MS = 32 * 86_400_000
"""No window of a limit is longer: what money is younger stays, whatever is purged."""


@dataclass(frozen=True)
class Purge:
    """Which rows are to go: those from before a moment, those of a project, or both.

    `text_only` leaves the counts and takes the words.
    """

    before_ms: int | None = None
    project: str | None = None
    text_only: bool = False


Purger = Callable[[sqlite3.Connection, Purge, int], int]
"""Deletes at most so many rows, in the caller's transaction; how many it were, 0 at the end."""
Replay = Callable[[sqlite3.Connection, str, Mapping[str, Any]], "bool | None"]
"""Puts a row of the ledger's journal, by table, back into a restored database, in the caller's
transaction: whether it was missing; None where the table is somebody else's."""

Admits = Callable[[sqlite3.Connection, str, Mapping[str, Any]], "str | None"]
"""Why a row that a file brings must not be put in, by table; None where it may be."""
Withdraw = Callable[[sqlite3.Connection, str], int]
"""Deletes what it keeps of an exchange, by its id, with its part of all sums: how many rows."""


@dataclass(frozen=True)
class MigrationSet:
    """One owner's steps in the order of their release. A released step never changes.

    `purgers` are called one after the other, each until it finds nothing more, in the order in
    which rows may go. A row of a file that somebody brings is put in by `replay` where `admits`
    has no reason against it; `withdraw` undoes that.
    """

    name: str
    steps: Sequence[tuple[str, Step]]
    purgers: Sequence[Purger] = ()
    replay: Replay | None = None
    admits: Admits | None = None
    withdraw: Withdraw | None = None


def pending(connection: sqlite3.Connection, sets: Sequence[MigrationSet]) -> list[MigrationSet]:
    """The sets with a step that this database has not seen.

    Raises LedgerError where the database was written by a newer Lodestar.
    """
    done = _applied(connection)
    for group in sets:
        unknown = done.get(group.name, set()) - {name for name, _ in group.steps}
        if unknown:
            raise LedgerError(
                f"the database is newer than this Lodestar ({group.name}: {min(unknown)})",
                "a later version has changed its tables",
                "update Lodestar, or point LODESTAR_HOME at another folder",
            )
    return [g for g in sets if {n for n, _ in g.steps} - done.get(g.name, set())]


def apply(connection: sqlite3.Connection, sets: Sequence[MigrationSet]) -> None:
    """Apply every pending step. The caller holds the store's write lock."""
    # Imported here because it costs a third of a second and is needed once per release.
    from sqlite_utils import Database, Migrations

    database = Database(connection, execute_plugins=False)
    for group in sets:
        migrations = Migrations(group.name)
        for name, step in group.steps:
            migrations(name=name)(lambda db, step=step: step(db.conn))
        migrations.apply(database)


def _applied(connection: sqlite3.Connection) -> dict[str, set[str]]:
    present = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'"
    ).fetchone()
    done: dict[str, set[str]] = {}
    if present:
        for group, name in connection.execute("SELECT migration_set, name FROM _sqlite_migrations"):
            done.setdefault(group, set()).add(name)
    return done
