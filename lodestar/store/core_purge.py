"""What goes of the core's tables when something is purged."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from lodestar.store import imported
from lodestar.store.migrations import Purge, Purger

PER_ROW = 10
"""An exchange is a row with about so many beside it."""


def _scope(wanted: Purge, moment: str, session: str) -> tuple[str, list[Any]]:
    """The condition of what is to go, and its values."""
    tests, values = ["1"], list[Any]()
    if wanted.before_ms is not None:
        tests.append(f"{moment} < ?")
        values.append(wanted.before_ms)
    if wanted.project is not None:
        tests.append(f"{session} IN (SELECT id FROM sessions WHERE project_id = ?)")  # noqa: S608
        values.append(wanted.project)
    return " AND ".join(tests), values


def texts(connection: sqlite3.Connection, wanted: Purge, most: int) -> int:
    """Prompts and answers: a message goes with the last exchange that it belongs to."""
    where, values = _scope(wanted, "e.started_ms", "e.session_id")
    ids = _ids(
        connection,
        f"SELECT e.id FROM exchanges e WHERE {where} AND e.status != 'open' AND EXISTS"  # noqa: S608
        " (SELECT 1 FROM exchange_messages x WHERE x.exchange_id = e.id)"
        " ORDER BY e.started_ms LIMIT ?",
        [*values, most // PER_ROW],
    )
    for exchange in ids:
        linked = connection.execute(
            "DELETE FROM exchange_messages WHERE exchange_id = ? RETURNING hash", (exchange,)
        ).fetchall()
        connection.executemany(
            "DELETE FROM messages WHERE hash = ? AND NOT EXISTS"
            " (SELECT 1 FROM exchange_messages x WHERE x.hash = messages.hash)",
            {(row[0],) for row in linked},
        )
    return len(ids)


def words(connection: sqlite3.Connection, wanted: Purge, most: int) -> int:
    """What else was written by people and servers, where the rows themselves stay."""
    if not wanted.text_only:
        return 0
    gone = 0
    for table, moment, change, test in _WORDS:
        session = "session_id"
        if table == "attempts":
            session = "(SELECT session_id FROM exchanges e WHERE e.id = exchange_id)"
        where, values = _scope(wanted, moment, session)
        done = connection.execute(
            f"UPDATE {table} SET {change} WHERE rowid IN"  # noqa: S608 (our own names)
            f" (SELECT rowid FROM {table} WHERE {where} AND {test} LIMIT ?)",
            [*values, most],
        )
        gone += done.rowcount
    return gone


_WORDS = (
    ("exchanges", "started_ms", "error = NULL", "error IS NOT NULL"),
    ("attempts", "started_ms", "error = NULL", "error IS NOT NULL"),
    ("ratings", "created_ms", "comment = NULL", "comment IS NOT NULL"),
    (
        "signals",
        "created_ms",
        "data = json_remove(data, '$.message', '$.text')",
        "json_valid(data) AND (json_type(data, '$.message') IS NOT NULL"
        " OR json_type(data, '$.text') IS NOT NULL)",
    ),
)


def feedback(connection: sqlite3.Connection, wanted: Purge, most: int) -> int:
    """Ratings and signals of their own age."""
    if wanted.text_only:
        return 0
    where, values = _scope(wanted, "created_ms", "session_id")
    gone = 0
    for table in ("ratings", "signals"):
        done = connection.execute(
            f"DELETE FROM {table} WHERE rowid IN"  # noqa: S608
            f" (SELECT rowid FROM {table} WHERE {where} LIMIT ?)",
            [*values, most],
        )
        gone += done.rowcount
    return gone


def exchanges(connection: sqlite3.Connection, wanted: Purge, most: int) -> int:
    """Exchanges with their attempts, and what was said of them later."""
    if wanted.text_only:
        return 0
    where, values = _scope(wanted, "started_ms", "session_id")
    ids = _ids(
        connection,
        f"SELECT id FROM exchanges WHERE {where} AND status != 'open'"  # noqa: S608
        " ORDER BY started_ms LIMIT ?",
        [*values, most // PER_ROW],
    )
    for table in ("attempts", "ratings", "signals"):
        _delete(connection, table, "exchange_id", ids)
    _delete(connection, "exchanges", "id", ids)
    return len(ids)


def branches(connection: sqlite3.Connection, wanted: Purge, most: int) -> int:
    """The names of a project's branches, and tags, where the rows of its sessions stay."""
    if wanted.project is None:
        return 0
    where, values = _scope(wanted, "started_ms", "id")
    return connection.execute(
        "UPDATE sessions SET branch = NULL, tag = NULL WHERE rowid IN"  # noqa: S608 (our own names)
        f" (SELECT rowid FROM sessions WHERE {where}"
        " AND (branch IS NOT NULL OR tag IS NOT NULL) LIMIT ?)",
        [*values, most],
    ).rowcount


def end_all(connection: sqlite3.Connection, project: str) -> None:
    """Mark as ended what was open of a project, in a copy in which nothing runs."""
    of_it = "(SELECT id FROM sessions WHERE project_id = ?)"
    connection.execute(
        f"UPDATE exchanges SET status = 'killed' WHERE status = 'open' AND session_id IN {of_it}",  # noqa: S608
        (project,),
    )
    connection.execute(
        "UPDATE sessions SET ended_ms = started_ms, end_reason = 'killed'"
        " WHERE ended_ms IS NULL AND project_id = ?",
        (project,),
    )


def sessions(connection: sqlite3.Connection, wanted: Purge, most: int) -> int:
    """Sessions of which nothing is left; and, where a project is to go, the project."""
    if wanted.text_only:
        return 0
    where, values = _scope(wanted, "started_ms", "id")
    unused = " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM {table} t WHERE t.session_id = sessions.id)"  # noqa: S608
        for table in ("exchanges", "ratings", "signals")
    )
    ids = _ids(
        connection,
        f"SELECT id FROM sessions WHERE {where} AND ended_ms IS NOT NULL AND {unused}"  # noqa: S608
        " LIMIT ?",
        [*values, most],
    )
    _delete(connection, "sessions", "id", ids)
    if not ids and wanted.project is not None and wanted.before_ms is None:
        return connection.execute(
            "DELETE FROM projects WHERE id = ? AND NOT EXISTS"
            " (SELECT 1 FROM sessions WHERE project_id = projects.id)",
            (wanted.project,),
        ).rowcount
    return len(ids)


PURGERS: tuple[Purger, ...] = (
    *(texts, words, feedback, exchanges, branches, sessions),
    imported.forget_names,
)


def _ids(connection: sqlite3.Connection, sql: str, values: Sequence[Any]) -> list[str]:
    return [str(row[0]) for row in connection.execute(sql, values).fetchall()]


def _delete(connection: sqlite3.Connection, table: str, column: str, ids: Sequence[str]) -> None:
    connection.executemany(
        f"DELETE FROM {table} WHERE {column} = ?",  # noqa: S608 (our own names)
        [(one,) for one in ids],
    )
