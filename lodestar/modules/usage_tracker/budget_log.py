"""The log of budget changes: one row a change, and what is in force after all of them.

Nothing in it is edited but `active`, which says the same as the log and is there to be fast.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Literal

from lodestar.ids import new_id
from lodestar.modules.usage_tracker.limits import Policy, Unit, Window

Action = Literal["set", "raise", "remove", "undo"]


@dataclass(frozen=True)
class Key:
    """Which limit a change is about: `project` is an id, None is all of them."""

    window: Window
    unit: Unit
    project: str | None = None
    alias: str | None = None


@dataclass(frozen=True)
class Entry:
    """One row of the log."""

    id: str
    action: Action
    key: Key
    amount: int | None
    policy: Policy | None
    until_ms: int | None
    who: str
    reason: str | None
    undoes: str | None
    created_ms: int


@dataclass(frozen=True)
class Change:
    """What one command writes: its rows bear the same time, which no other change has."""

    connection: sqlite3.Connection
    who: str
    reason: str | None
    created_ms: int

    def write(
        self,
        action: Action,
        key: Key,
        amount: int | None = None,
        policy: Policy | None = None,
        until_ms: int | None = None,
        undoes: str | None = None,
    ) -> None:
        """Add a row and bring `active` up to date."""
        self.connection.execute(
            "INSERT INTO budgets(id, action, time_window, unit, project_id, alias, amount, policy,"
            " until_ms, who, reason, undoes, active, created_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
            (
                *(new_id(), action, key.window, key.unit, key.project, key.alias, amount, policy),
                *(until_ms, self.who, self.reason, undoes, self.created_ms),
            ),
        )
        refresh(self.connection, key)


def begin(connection: sqlite3.Connection, who: str, reason: str | None, wall_ms: int) -> Change:
    """Begin a change within the caller's transaction."""
    taken = "SELECT 1 FROM budgets WHERE created_ms = ?"
    while connection.execute(taken, (wall_ms,)).fetchone():
        wall_ms += 1
    return Change(connection, who, reason, wall_ms)


_COLUMNS = (
    "id, action, time_window, unit, project_id, alias, amount, policy, until_ms, who, reason,"
    " undoes, created_ms"
)
_OF_KEY = " WHERE time_window = ? AND unit = ? AND project_id IS ? AND alias IS ?"


def entries(connection: sqlite3.Connection, key: Key | None = None) -> list[Entry]:
    """All rows in the order in which they were written, or those of one limit."""
    # Not by id or time: a clock that is set back does not reorder what happened.
    where, values = ("", ()) if key is None else (_OF_KEY, astuple(key))
    sql = f"SELECT {_COLUMNS} FROM budgets{where} ORDER BY rowid"  # noqa: S608 (our own)
    rows = map(tuple, connection.execute(sql, values).fetchall())
    return [Entry(row[0], row[1], Key(*row[2:6]), *row[6:]) for row in rows]


def refresh(connection: sqlite3.Connection, key: Key) -> None:
    """Bring `active` up to date for one limit, within the caller's transaction."""
    log = entries(connection, key)
    counting = {entry.id for entry in in_force(not_undone(log))}
    connection.executemany(
        "UPDATE budgets SET active = ? WHERE id = ?",
        [(int(entry.id in counting), entry.id) for entry in log],
    )


def not_undone(log: Iterable[Entry]) -> list[Entry]:
    """The changes of one limit that are not undone, the newest last."""
    stack: list[Entry] = []
    meant: dict[str, tuple[Entry, bool]] = {}
    for entry in log:
        change, stands = entry, True
        if entry.undoes:
            if entry.undoes not in meant:
                continue  # its row was lost with a database that could not be restored whole
            change, stood = meant[entry.undoes]
            stands = not stood
        meant[entry.id] = change, stands
        if stands:
            stack.append(change)
        elif change in stack:
            stack.remove(change)
    return stack


def in_force(stack: Iterable[Entry]) -> list[Entry]:
    """The row that sets the limit and the raises since then; none where there is no limit."""
    found: list[Entry] = []
    for entry in stack:
        if entry.action == "raise":
            found.append(entry)
        else:
            found = [entry] if entry.action == "set" else []
    return found


def can_undo(log: Sequence[Entry], change: Sequence[Entry]) -> bool:
    """Whether nothing came after the rows of a change, all of one limit, that still counts."""
    newest = log if change[0].action == "undo" else not_undone(log)
    return list(newest[-len(change) :]) == list(change)


def by_key(log: Iterable[Entry]) -> Mapping[Key, list[Entry]]:
    """The rows of each limit, in order."""
    found: dict[Key, list[Entry]] = {}
    for entry in log:
        found.setdefault(entry.key, []).append(entry)
    return found
