"""What was spent of a limit in each quarter-hour, from the ledger."""

from __future__ import annotations

from lodestar.modules.usage_tracker.limits import Limit
from lodestar.modules.usage_tracker.projection import Spent
from lodestar.modules.usage_tracker.rollup import QUARTER_MS
from lodestar.store.reader import Reader


def of_window(store: Reader, limit: Limit, start_ms: int) -> list[Spent]:
    """Since the window's start, in all sessions."""
    where = "rollup WHERE quarter_ms >= :from"
    return _read(store, limit, "quarter_ms", "calls", where, start_ms - start_ms % QUARTER_MS)


def of_session(store: Reader, limit: Limit, session: str) -> list[Spent]:
    """In one session."""
    quarter = f"window_ms / {QUARTER_MS} * {QUARTER_MS}"
    where = "charges WHERE session_id = :from"
    return _read(store, limit, quarter, "corrects IS NULL", where, session)


def _read(
    store: Reader, limit: Limit, quarter: str, calls: str, where: str, value: str | int
) -> list[Spent]:
    column = "cash_nano" if limit.unit == "usd" else "limited_tokens"
    where += f" AND {column} <> 0"
    if limit.project is not None:
        where += " AND project_id = :project"
    if limit.alias is not None:
        where += " AND alias = :alias"
    rows = store.rows(
        f"SELECT {quarter} AS quarter, sum({calls}), sum({column}) FROM {where}"  # noqa: S608 (our own)
        " GROUP BY quarter",
        {"from": value, "project": limit.project, "alias": limit.alias},
    )
    return [Spent(*row) for row in rows]
