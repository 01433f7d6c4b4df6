"""Taking an import back: its exchanges, what belongs to them, and their part of all sums."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from lodestar.clock import now_ms
from lodestar.errors import UsageError
from lodestar.imports.taking import CHUNK, PAUSE_S
from lodestar.store.imported import Import, imports
from lodestar.store.migrations import MigrationSet
from lodestar.store.state import bump
from lodestar.store.store import Store

_SOME = "SELECT DISTINCT exchange_id FROM imported WHERE import_id = ? AND exchange_id > ?"
_OF_MODULES = "SELECT count(*) FROM imported WHERE exchange_id = ? AND row NOT LIKE 'exchanges/%'"
_MESSAGES = (
    "DELETE FROM messages WHERE hash = ? AND NOT EXISTS"
    " (SELECT 1 FROM exchange_messages x WHERE x.hash = messages.hash)"
)


@dataclass
class Undone:
    """How many exchanges went. `kept` are in the sums for ever: their charges were purged."""

    exchanges: int = 0
    kept: int = 0


def find(store: Store, text: str) -> Import:
    """The import of that id, whole or its end. Raises UsageError."""
    found = [one for one in imports(store) if one.id.endswith(text.upper()) and text]
    if len(found) != 1:
        what = f"{'several imports have' if found else 'no import has'} an id that ends in `{text}`"
        raise UsageError(what, "", "lodestar data import lists them")
    if found[0].undone_ms is not None:
        raise UsageError(f"the import {found[0].id} is undone already")
    return found[0]


def undo(store: Store, sets: Sequence[MigrationSet], wanted: Import) -> Undone:
    """Do it in steps; where it is interrupted, it can be begun again."""
    done, last = Undone(), ""
    while rows := store.rows(f"{_SOME} ORDER BY exchange_id LIMIT {CHUNK}", (wanted.id, last)):
        with store.write() as connection:
            for row in rows:
                _take_out(connection, sets, row["exchange_id"], done)
            bump(connection)
        last = rows[-1]["exchange_id"]
        time.sleep(PAUSE_S)
    with store.write() as connection:
        sql = "UPDATE imports SET undone_ms = ? WHERE id = ?"
        connection.execute(sql, (now_ms(), wanted.id))
    store.empty_log()
    return done


def _take_out(
    connection: sqlite3.Connection, sets: Sequence[MigrationSet], id: str, done: Undone
) -> None:
    brought = connection.execute(_OF_MODULES, (id,)).fetchone()[0]
    gone = sum(group.withdraw(connection, id) for group in sets if group.withdraw)
    done.exchanges += _delete(connection, id)
    if brought and not gone:
        # It stays remembered, so that it is not counted twice.
        done.kept += 1
        return
    connection.execute("DELETE FROM imported WHERE exchange_id = ?", (id,))


def _delete(connection: sqlite3.Connection, id: str) -> int:
    session = connection.execute("SELECT session_id FROM exchanges WHERE id = ?", (id,)).fetchone()
    linked = connection.execute(
        "DELETE FROM exchange_messages WHERE exchange_id = ? RETURNING hash", (id,)
    ).fetchall()
    connection.executemany(_MESSAGES, {(row[0],) for row in linked})
    for table in ("attempts", "ratings", "signals"):
        connection.execute(f"DELETE FROM {table} WHERE exchange_id = ?", (id,))  # noqa: S608 (ours)
    count = connection.execute("DELETE FROM exchanges WHERE id = ?", (id,)).rowcount
    if session:
        _delete_session(connection, session[0])
    return count


def _delete_session(connection: sqlite3.Connection, id: str | None) -> None:
    """Where nothing is left of it. Its project stays: budgets and sums may know it."""
    used = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE session_id = :id)"  # noqa: S608 (our own names)
        for table in ("exchanges", "ratings", "signals")
    )
    connection.execute(
        f"DELETE FROM sessions WHERE id = :id AND ended_ms IS NOT NULL AND NOT ({used})",  # noqa: S608
        {"id": id},
    )
