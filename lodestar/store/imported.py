"""What was taken in from files: which import brought which row, remembered for ever.

A row that was purged since is still in the sums; taken in again, it would be counted twice.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from lodestar.store.migrations import Purge
from lodestar.store.reader import Reader

_TABLES = (
    # `file` is a name without its folder; None once its project is forgotten.
    """CREATE TABLE imports(
        id TEXT PRIMARY KEY, format TEXT NOT NULL, file TEXT, project_id TEXT,
        created_ms INTEGER NOT NULL, undone_ms INTEGER)""",
    # `row` is a table's name and the id in it: 'exchanges/01J...'.
    """CREATE TABLE imported(
        row TEXT PRIMARY KEY, exchange_id TEXT NOT NULL, import_id TEXT NOT NULL)
        WITHOUT ROWID""",
    "CREATE INDEX imported_by_import ON imported(import_id, exchange_id)",
    "CREATE INDEX imported_by_exchange ON imported(exchange_id)",
)


@dataclass(frozen=True)
class Import:
    """One file that was taken in. `exchanges` are those that it brought."""

    id: str
    format: str
    file: str | None
    project: str | None
    created_ms: int
    undone_ms: int | None
    exchanges: int


def create_tables(connection: sqlite3.Connection) -> None:
    """The tables, within the step that makes them."""
    for statement in _TABLES:
        connection.execute(statement)


def imports(store: Reader) -> list[Import]:
    """All of them, the newest first."""
    rows = store.rows(
        "SELECT i.*, p.name AS project, (SELECT count(*) FROM imported r WHERE r.import_id = i.id"
        " AND r.row LIKE 'exchanges/%') AS exchanges FROM imports i"
        " LEFT JOIN projects p ON p.id = i.project_id ORDER BY i.created_ms DESC, i.id DESC"
    )
    names = Import.__dataclass_fields__
    return [Import(**{name: row[name] for name in names}) for row in rows]


def is_remembered(connection: sqlite3.Connection, table: str, id: str) -> bool:
    """Whether a file has brought this row before, also where it was purged since."""
    sql = "SELECT 1 FROM imported WHERE row = ?"
    return connection.execute(sql, (f"{table}/{id}",)).fetchone() is not None


def remember(connection: sqlite3.Connection, table: str, id: str, exchange: str, by: str) -> None:
    """Within the transaction that puts the row in.

    What comes to an exchange later belongs to the import that brought it: it is undone with it.
    """
    connection.execute(
        "INSERT OR IGNORE INTO imported(row, exchange_id, import_id) VALUES (:row, :exchange,"
        " coalesce((SELECT import_id FROM imported WHERE row = 'exchanges/' || :exchange), :by))",
        {"row": f"{table}/{id}", "exchange": exchange, "by": by},
    )


def forget_names(connection: sqlite3.Connection, purge: Purge, most: int) -> int:
    """Take out the names of the files of a forgotten project; that they were read stays."""
    if purge.project is None or purge.text_only:
        return 0
    return connection.execute(
        "UPDATE imports SET file = NULL, project_id = NULL WHERE id IN"
        " (SELECT id FROM imports WHERE project_id = ? LIMIT ?)",
        (purge.project, most),
    ).rowcount
