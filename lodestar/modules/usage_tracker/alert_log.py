"""The table `alerts`: what was told of which limit, once for all sessions of the user."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lodestar.ids import new_id
from lodestar.modules.usage_tracker.budget_log import Key
from lodestar.modules.usage_tracker.budgets import SOURCE
from lodestar.modules.usage_tracker.limits import Limit
from lodestar.modules.usage_tracker.standing import Standing


@dataclass(frozen=True)
class Alert:
    """A threshold that was passed. `text` is empty where only a higher one was told."""

    key: str
    window_start_ms: int
    threshold: int
    unit: str
    spent: int
    amount: int
    projected: int | None
    session: str | None
    text: str
    created_ms: int
    project: str | None = None
    """The id of the session's project."""

    @property
    def limit(self) -> Key:
        """The limit that it is about."""
        _, window, unit, project, _, alias = self.key.split("/", 5)
        return Key(window, unit, project or None, alias or None)  # type: ignore[arg-type]

    @property
    def source(self) -> str:
        """`budget`, or the key of the settings."""
        return self.key.partition("/")[0]


def key_of(limit: Limit, session: str) -> str:
    """What makes an alert about this limit and no other.

    A session's limit is another one in each session. One of the settings is another one with
    each amount: two sessions may have different ones at the same time.
    """
    own = session if limit.window == "session" else ""
    own += "" if limit.source == SOURCE else f"={limit.amount}"
    parts = (limit.source, limit.window, limit.unit, limit.project or "", own, limit.alias or "")
    return "/".join(parts)


def due(
    standing: Standing, thresholds: Sequence[int], told: Sequence[tuple[int, int]]
) -> list[int]:
    """The thresholds that are passed and were not told of, lowest first.

    `told` are the thresholds of this window so far, each with what was spent then. After a
    change of the amount one is due again where more has to be spent for it than ever was.
    """
    amount, spent = standing.limit.amount, standing.spent
    most = max((before for _, before in told), default=0)
    known = {threshold for threshold, _ in told}
    return [
        threshold
        for threshold in thresholds
        if spent * 100 >= threshold * amount
        and not (threshold in known and most * 100 >= threshold * amount)
    ]


def told(connection: sqlite3.Connection, key: str, window_start_ms: int) -> list[tuple[int, int]]:
    """The thresholds of a limit's window so far, and what was spent then."""
    sql = "SELECT threshold, spent FROM alerts WHERE limit_key = ? AND window_start_ms = ?"
    return [(row[0], row[1]) for row in connection.execute(sql, (key, window_start_ms))]


def add(connection: sqlite3.Connection, highest: Alert, lower: Sequence[int]) -> None:
    """Write an alert down, and without a text the lower thresholds passed with it."""
    rows = [replace(highest, threshold=one, text="", projected=None) for one in lower]
    connection.executemany(
        "INSERT INTO alerts(id, limit_key, window_start_ms, threshold, unit, spent, amount,"
        " projected, session_id, text, created_ms, project_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(new_id(), *vars(row).values()) for row in (*rows, highest)],
    )


def newest(connection: sqlite3.Connection, limit: int) -> list[Alert]:
    """The last alerts, the newest first."""
    sql = (
        "SELECT limit_key, window_start_ms, threshold, unit, spent, amount, projected, session_id,"
        " text, created_ms, project_id FROM alerts ORDER BY rowid DESC LIMIT ?"
    )
    return [Alert(*row) for row in connection.execute(sql, (limit,))]
