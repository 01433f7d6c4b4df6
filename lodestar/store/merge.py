"""Taking a stand-in's rows into the database, once that can be used again."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lodestar.errors import LodestarError
from lodestar.store import stand_in
from lodestar.store.migrations import MigrationSet
from lodestar.store.restore import replay_row
from lodestar.store.sessions import project_id, sweep_dead
from lodestar.store.store import Store

TABLES = (
    "sessions",
    "exchanges",
    "attempts",
    "messages",
    "exchange_messages",
    "ratings",
    "signals",
)
"""The core's, parents first; a row that is there already stays as it is."""
LEFT_OUT = frozenset({"budgets"})
"""A limit is set in the database itself; a file that somebody brings must not move it."""


def merge(store: Store, path: Path, sets: Sequence[MigrationSet]) -> int:
    """Take it in and delete it; returns the number of exchanges that were new.

    Raises LodestarError while its session runs, and UsageError where it is no stand-in.
    """
    path = stand_in.checked(path, store.path)
    with stand_in.reopen(path, sets) as source:
        sweep_dead(source)
        if source.rows("SELECT 1 FROM sessions WHERE ended_ms IS NULL"):
            raise LodestarError(f"the session of {path} is running", "", "end it first")
        with store.write() as connection:
            before = _exchanges(connection)
            roots = {row["id"]: row["root"] for row in source.rows("SELECT * FROM projects")}
            ids = {old: project_id(connection, Path(root)) for old, root in roots.items()}
            for table in TABLES:
                for row in source.rows(f"SELECT * FROM {table}"):  # noqa: S608 (our own names)
                    _insert(connection, table, _in_project(dict(row), ids))
            _of_modules(connection, source, sets, ids)
            count = _exchanges(connection) - before
    stand_in.remove(path)
    return count


def _of_modules(
    connection: sqlite3.Connection,
    source: Store,
    sets: Sequence[MigrationSet],
    ids: Mapping[str, str],
) -> None:
    """What modules put back from the journal they take from here, too: they know how."""
    tables = source.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    names = {row["name"] for row in tables} - {*TABLES, *LEFT_OUT}
    for name in sorted(names):
        for row in source.rows(f'SELECT * FROM "{name}"'):  # noqa: S608 (from the schema)
            if replay_row(connection, name, _in_project(dict(row), ids), sets) is None:
                break


def _in_project(row: dict[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    known = str(row.get("project_id"))
    return {**row, "project_id": ids[known]} if known in ids else row


def _insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    names = ", ".join(row)
    marks = ", ".join("?" for _ in row)
    sql = f"INSERT OR IGNORE INTO {table}({names}) VALUES ({marks})"  # noqa: S608 (our own names)
    connection.execute(sql, list(row.values()))


def _exchanges(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM exchanges").fetchone()[0])
