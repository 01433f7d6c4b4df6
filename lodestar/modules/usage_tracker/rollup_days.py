"""Roll-ups by whole UTC days: the sums of the roll-up's quarter-hours, for long reports.

Triggers keep them, so that whoever changes the roll-up need not know of them.
"""

from __future__ import annotations

import sqlite3

from lodestar.modules.usage_tracker.rollup import KEYS, SUMS

DAY_MS = 86_400_000
_KEYS = ("day_ms", *KEYS[1:])
_DAY = f"quarter_ms - quarter_ms % {DAY_MS}"
COLUMNS = ", ".join((*_KEYS, *SUMS))
SUMMED = (
    f"SELECT {_DAY} AS day_ms, {', '.join(KEYS[1:])},"  # noqa: S608 (our own names)
    f" {', '.join(f'sum({name}) AS {name}' for name in SUMS)} FROM rollup"
    f" GROUP BY {', '.join(str(place + 1) for place in range(len(_KEYS)))}"
)
"""What the days are, in the order of COLUMNS."""


def _of(row: str) -> str:
    keys = "".join(f" AND {name} = {row}.{name}" for name in KEYS[1:])
    return f"day_ms = {row}.quarter_ms - {row}.quarter_ms % {DAY_MS}{keys}"


_TABLE = (
    "CREATE TABLE rollup_days(day_ms INTEGER NOT NULL, project_id TEXT NOT NULL,"
    " branch TEXT NOT NULL, tag TEXT NOT NULL, alias TEXT NOT NULL, model TEXT NOT NULL,"
    " tier INTEGER NOT NULL, kind TEXT NOT NULL, billing TEXT NOT NULL,"
    + "".join(f" {name} INTEGER NOT NULL," for name in SUMS)
    + f" PRIMARY KEY({', '.join(_KEYS)})) WITHOUT ROWID"
)
_TRIGGERS = (
    "CREATE TRIGGER rollup_days_add AFTER INSERT ON rollup BEGIN"  # noqa: S608 (our own names)
    f" INSERT INTO rollup_days({COLUMNS}) VALUES (NEW.quarter_ms - NEW.quarter_ms % {DAY_MS},"
    f" {', '.join(f'NEW.{name}' for name in (*KEYS[1:], *SUMS))})"
    f" ON CONFLICT({', '.join(_KEYS)}) DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)
    + "; END",
    "CREATE TRIGGER rollup_days_change AFTER UPDATE ON rollup BEGIN UPDATE rollup_days SET "  # noqa: S608
    + ", ".join(f"{name} = {name} + NEW.{name} - OLD.{name}" for name in SUMS)
    + f" WHERE {_of('NEW')}; END",
    # No row of nothing stays: a forgotten branch has its name in it.
    "CREATE TRIGGER rollup_days_remove AFTER DELETE ON rollup BEGIN UPDATE rollup_days SET "  # noqa: S608
    + ", ".join(f"{name} = {name} - OLD.{name}" for name in SUMS)
    + f" WHERE {_of('OLD')};"  # noqa: S608 (our own names)
    f" DELETE FROM rollup_days WHERE {_of('OLD')} AND calls = 0 AND cash_nano = 0; END",
)


def create(connection: sqlite3.Connection) -> None:
    """The table, what keeps it right, and the days until now."""
    connection.execute(_TABLE)
    for trigger in _TRIGGERS:
        connection.execute(trigger)
    rebuild(connection)


def rebuild(connection: sqlite3.Connection) -> None:
    """Sum the quarter-hours anew."""
    connection.execute("DELETE FROM rollup_days")
    connection.execute(f"INSERT INTO rollup_days({COLUMNS}) {SUMMED}")
