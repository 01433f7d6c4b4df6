"""Which database this is, and how far it has come: what the witness outside of it remembers.

The database carries an id of its own and a number that only rises. The witness file beside it
holds the last ones seen, so that a database that was deleted, emptied or exchanged for an older
copy is noticed before money is spent that it has forgotten.
"""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lodestar.errors import LedgerError
from lodestar.ids import new_id
from lodestar.paths import write_private

STANDS_FOR = "stands_for"
"""The fact that marks a stand-in: why it was needed."""
RESTORE = "lodestar data restore"
ANEW = "lodestar data reset --accept"


@dataclass(frozen=True)
class State:
    """The database's own id, the number of its changes, the steps its tables have seen."""

    instance_id: str
    sequence: int
    schema: int


def create_table(connection: sqlite3.Connection) -> None:
    """The migration step: from here on the database knows who it is."""
    connection.execute("CREATE TABLE store_state(key TEXT PRIMARY KEY, value) WITHOUT ROWID")
    connection.executemany(
        "INSERT INTO store_state VALUES (?, ?)", [("instance_id", new_id()), ("sequence", 0)]
    )


def bump(connection: sqlite3.Connection) -> None:
    """Count a change, within the caller's transaction. For what must not be forgotten: money."""
    connection.execute("UPDATE store_state SET value = value + 1 WHERE key = 'sequence'")


def sequence(connection: sqlite3.Connection) -> int | None:
    """The number of changes so far; None where the database is from before they were counted."""
    sql = "SELECT value FROM store_state WHERE key = 'sequence'"
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else None


def put(connection: sqlite3.Connection, key: str, value: Any) -> None:
    """Remember a fact about the database, within the caller's transaction."""
    connection.execute("INSERT OR REPLACE INTO store_state VALUES (?, ?)", (key, value))


def remove(connection: sqlite3.Connection, key: str) -> None:
    """Forget a fact, within the caller's transaction."""
    connection.execute("DELETE FROM store_state WHERE key = ?", (key,))


def facts(connection: sqlite3.Connection) -> dict[str, Any]:
    """All that is remembered; empty where the table is not there."""
    if not has_table(connection, "store_state"):
        return {}
    rows = connection.execute("SELECT key, value FROM store_state").fetchall()
    return {row[0]: row[1] for row in rows}


def read(connection: sqlite3.Connection) -> State | None:
    """The state of a database, None where it is from before there was one."""
    known = facts(connection)
    if not known:
        return None
    (steps,) = connection.execute(
        "SELECT count(*) FROM _sqlite_migrations WHERE migration_set = 'core'"
    ).fetchone()
    return State(str(known["instance_id"]), int(known["sequence"]), int(steps))


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether there is such a table."""
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(sql, (name,)).fetchone() is not None


def witness_path(database: Path) -> Path:
    """The file that remembers; beside the database."""
    return database.with_name("witness.json")


def read_witness(database: Path) -> State | None:
    """What was last seen, None where nothing was. Raises LedgerError where it makes no sense."""
    path = witness_path(database)
    try:
        data = json.loads(path.read_text("utf-8"))
        return State(str(data["instance_id"]), int(data["sequence"]), int(data["schema"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerError(
            f"{path} cannot be read",
            "it says which database was the last one here, and is damaged",
            RESTORE + _or_this(database),
        ) from error


def write_witness(database: Path, state: State) -> None:
    """Remember a state, in one step and durably."""
    write_private(witness_path(database), json.dumps(asdict(state)) + "\n")


def missing(database: Path, witness: State | None) -> LedgerError | None:
    """A database that was here and is gone, or has nothing left in it."""
    if witness is None and not _left_behind(database):
        return None
    what = "gone" if not os.path.lexists(database) else "empty" if _is_empty(database) else None
    if what is None:
        return None
    why = "there was one here, and a new one would forget what was spent"
    return LedgerError(
        f"the database {database} is {what}", why, f"{RESTORE}, or begin anew: {ANEW}"
    )


def _left_behind(database: Path) -> bool:
    """Whether backups or a journal say that there was one, where nothing else does any more."""
    folder = database.parent / "backup"
    found = (*folder.glob("usage-*.db"), *folder.glob("ledger-*.jsonl"))
    return any(path.stat().st_size for path in found)


def _or_this(database: Path) -> str:
    """The way to go on with the database that is there, with what the journal knows."""
    there = os.path.lexists(database) and not _is_empty(database)
    return f", or to go on with this one: {RESTORE} --from {database}" if there else f"; or {ANEW}"


def _is_empty(database: Path) -> bool:
    try:
        return database.stat().st_size == 0
    except OSError:
        return False


def mismatch(database: Path, found: State | None, witness: State | None) -> LedgerError | None:
    """A database that is not the one that was left here, or an earlier state of it."""
    if witness is None:
        return None
    if found is None:
        why = "it has no tables of this version, and the last one here had them"
        what = f"the database {database} is empty or from an earlier time"
        return LedgerError(what, why, f"{RESTORE}, or begin anew: {ANEW}")
    take = RESTORE + _or_this(database)
    if found.instance_id != witness.instance_id:
        why = f"its id is {found.instance_id}, and the last one's {witness.instance_id}"
        return LedgerError(f"{database} is not the database that was left here", why, take)
    if found.sequence < witness.sequence or found.schema < witness.schema:
        why = f"it knows {found.sequence} changes, and {witness.sequence} were seen"
        return LedgerError(f"the database {database} is an older copy", why, take)
    return None
