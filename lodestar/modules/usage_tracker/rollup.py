"""Roll-ups: sums of charges by quarter-hour, kept for ever, changed with each charge."""

from __future__ import annotations

import sqlite3

QUARTER_MS = 15 * 60 * 1000
"""All time zones' days begin at a quarter-hour of UTC."""
KEYS = ("quarter_ms", "project_id", "branch", "tag", "alias", "model", "tier", "kind", "billing")
SUMS = (
    "calls",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "limited_tokens",
    "cash_nano",
    "list_nano",
    "unlisted",
    "avoided_nano",
    "unavoided",
    "assumed_nano",
)
"""`unlisted` and `unavoided` count the calls whose figure is unknown; `assumed_nano` is the part
of the cash that is a worst case."""

_KEYS = f"(window_ms / {QUARTER_MS}) * {QUARTER_MS} AS quarter_ms, " + ", ".join(
    f"coalesce({name}, '') AS {name}" if name in ("project_id", "branch", "tag") else name
    for name in KEYS[1:]
)
COUNTS = (
    "corrects IS NULL",
    *(f"coalesce({name}, 0)" for name in SUMS[1:6]),
    "limited_tokens",
    "cash_nano",
    "coalesce(list_nano, 0)",
    "list_nano IS NULL AND corrects IS NULL",
    "coalesce(avoided_nano, 0)",
    "avoided_nano IS NULL AND corrects IS NULL",
    "CASE WHEN usage_source = 'worst_case' THEN cash_nano ELSE 0 END",
)
"""What each of SUMS is of one charge, in the same order."""
_ADD = (
    f"INSERT INTO rollup({', '.join(KEYS + SUMS)})"  # noqa: S608 (our own names)
    f" SELECT {_KEYS}, {', '.join(f':sign * ({count})' for count in COUNTS)}"
    " FROM charges WHERE id = :id"
    f" ON CONFLICT({', '.join(KEYS)}) DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)
)
_DROP_EMPTY = (
    "DELETE FROM rollup WHERE calls = 0 AND cash_nano = 0 AND quarter_ms ="  # noqa: S608 (ours)
    f" (SELECT (window_ms / {QUARTER_MS}) * {QUARTER_MS} FROM charges WHERE id = ?)"
)
SUMMED = (
    f"SELECT {_KEYS}, "  # noqa: S608 (our own names)
    + ", ".join(f"sum({count}) AS {name}" for name, count in zip(SUMS, COUNTS, strict=True))
    + " FROM charges GROUP BY "
    + ", ".join(str(place) for place in range(1, len(KEYS) + 1))
)
"""What the roll-up of the stored charges is, in the order of KEYS and SUMS."""


def add(connection: sqlite3.Connection, charge: str) -> None:
    """Count a charge, by its id, within the caller's transaction."""
    connection.execute(_ADD, {"id": charge, "sign": 1})


def take_back(connection: sqlite3.Connection, charge: str) -> None:
    """Uncount a charge that is about to be deleted."""
    connection.execute(_ADD, {"id": charge, "sign": -1})
    connection.execute(_DROP_EMPTY, (charge,))


def rebuild(connection: sqlite3.Connection) -> None:
    """Count all stored charges anew; for tables whose charges were never purged."""
    connection.execute("DELETE FROM rollup")
    connection.execute(f"INSERT INTO rollup({', '.join(KEYS + SUMS)}) {SUMMED}")
