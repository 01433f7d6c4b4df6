"""What became of the answers: changes that were kept, and what people said."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import astuple, dataclass

from lodestar.modules.usage_tracker.reports.usage import KEYS, Wanted, key_of, spans

# The charge of an answer says under which model and project it is counted; of several attempts
# the last one answered.
_CHARGES = (
    " FROM charges c CROSS JOIN {table} t ON t.exchange_id = c.exchange_id"
    " WHERE c.window_ms >= ? AND c.window_ms < ? AND c.corrects IS NULL AND c.id ="
    " (SELECT max(id) FROM charges WHERE exchange_id = t.exchange_id AND corrects IS NULL)"
)
_COMMITS = (
    "count(*) AS changes, 0 AS good, 0 AS bad, sum(NOT EXISTS (SELECT 1 FROM signals x WHERE"  # noqa: S608
    " x.exchange_id = t.exchange_id AND x.commit_hash = t.commit_hash"
    " AND x.type IN ('undo', 'reverted'))) AS kept"
    + _CHARGES.format(table="signals")
    + " AND t.type = 'commit' AND json_extract(t.data, '$.aider_edits')"
)
# A later word on the same answer takes the place of an earlier one.
_RATINGS = (
    "0 AS changes, 0 AS kept, sum(t.verdict = 'good') AS good, sum(t.verdict = 'bad') AS bad"  # noqa: S608
    + _CHARGES.format(table="ratings")
    + " AND t.undone_ms IS NULL AND t.id = (SELECT max(id) FROM ratings"
    " WHERE exchange_id = t.exchange_id AND undone_ms IS NULL)"
)
_NAMES = ("changes", "kept", "good", "bad")


@dataclass(frozen=True)
class Quality:
    """Commits that Aider made of answers, those that still stand, and ratings."""

    changes: int = 0
    kept: int = 0
    good: int = 0
    bad: int = 0

    def __add__(self, other: Quality) -> Quality:
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Quality(*(mine + theirs for mine, theirs in pairs))

    @property
    def kept_share(self) -> float | None:
        """The share of the changes that were neither undone nor reverted, 0 to 1."""
        return self.kept / self.changes if self.changes else None


def quality(connection: sqlite3.Connection, wanted: Wanted) -> dict[tuple[str | int, ...], Quality]:
    """The quality of each group that `usage` would give, where anything is known of it.

    It is counted from rows that a purge removes, unlike money.
    """
    found: dict[tuple[str | int, ...], Quality] = {}
    for sql in (_COMMITS, _RATINGS):
        for key, counts in _counted(connection, wanted, sql):
            found[key] = found.get(key, Quality()) + counts
    return found


def _counted(
    connection: sqlite3.Connection, wanted: Wanted, sql: str
) -> Iterator[tuple[tuple[str | int, ...], Quality]]:
    only = "".join(f" AND {_of_charge(KEYS[name])} = ?" for name in wanted.only)
    for start, end, columns in spans(connection, wanted):
        named = "".join(f"{_of_charge(column)} AS k{i}, " for i, column in enumerate(columns))
        full = f"SELECT {named}{sql}{only}"
        if columns:
            full += " GROUP BY " + ", ".join(str(i + 1) for i in range(len(columns)))
        for row in connection.execute(full, (start, end, *wanted.only.values())):
            yield key_of(wanted.by, row), Quality(*(row[name] or 0 for name in _NAMES))


def _of_charge(column: str) -> str:
    if column == "session":
        return "coalesce(c.session_id, '')"
    if column.startswith("("):
        return column.replace("quarter_ms", "c.window_ms")
    return f"coalesce(c.{column}, '')"
