"""Samples of health, taken from the attempts of finished exchanges."""

from __future__ import annotations

import sqlite3
from typing import Any

from lodestar.clock import now_ms
from lodestar.ids import new_id
from lodestar.store.store import Store

RECENT_MS = 60_000
FAILURES = 3
# The provider is well: it says that this one request is wrong.
REQUEST_AT_FAULT = (400, 413, 422)


def take(store: Store, exchange: str) -> int:
    """Store one sample for each attempt that came to an end; returns how many.

    Attempts that the client gave up, or that a limit stopped, say nothing of a provider.
    """
    attempts = store.rows(
        "SELECT * FROM attempts WHERE exchange_id = ? AND status IN ('ok', 'error')", (exchange,)
    )
    with store.write() as connection:
        for attempt in attempts:
            _insert(connection, attempt)
    return len(attempts)


def sick(store: Store, alias: str, now: int | None = None) -> bool:
    """Whether the last three calls of an alias all failed, all within the last minute."""
    rows = store.rows(
        "SELECT ok FROM health_samples WHERE alias = ? AND ts_ms > ?"
        " ORDER BY ts_ms DESC, id DESC LIMIT ?",
        (alias, (now or now_ms()) - RECENT_MS, FAILURES),
    )
    return len(rows) == FAILURES and not any(row["ok"] for row in rows)


def _insert(connection: sqlite3.Connection, attempt: sqlite3.Row) -> None:
    ok = attempt["status"] == "ok" or attempt["http_status"] in REQUEST_AT_FAULT
    values: tuple[Any, ...] = (
        new_id(),
        now_ms(),
        attempt["alias"],
        attempt["provider"],
        int(ok),
        attempt["http_status"],
        attempt["ttft_ms"],
        attempt["duration_ms"],
        attempt["error"],
    )
    connection.execute("INSERT INTO health_samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
