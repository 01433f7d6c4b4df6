"""How much of each limit is spent and held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from lodestar.modules.usage_tracker import windows
from lodestar.modules.usage_tracker.limits import Limit
from lodestar.modules.usage_tracker.rollup import QUARTER_MS
from lodestar.store.reader import Reader


@dataclass(frozen=True)
class Standing:
    """One limit and what counts against it, nano-dollars or tokens.

    `start_ms` and `end_ms` bound its window; both are None for a call and a session.
    """

    limit: Limit
    spent: int
    held: int
    start_ms: int | None = None
    end_ms: int | None = None

    @property
    def remaining(self) -> int:
        """What is left, holds counted; below zero where the limit was lowered since."""
        return self.limit.amount - self.spent - self.held


def of_limits(
    store: Reader,
    limits: Sequence[Limit],
    now_ms: int,
    zone: tzinfo | None,
    session: str | None = None,
) -> list[Standing]:
    """The standing of each limit at a moment of the ledger's clock.

    Session limits are those of `session`; without one nothing is spent of them.
    """
    return [_of(store, limit, now_ms, zone, session) for limit in limits]


def _of(
    store: Reader, limit: Limit, now_ms: int, zone: tzinfo | None, session: str | None
) -> Standing:
    if limit.window == "call":
        return Standing(limit, 0, 0)
    if limit.window == "session":
        spent = _charged(store, limit, "charges", "session_id = :from", session)
        return Standing(limit, spent, _held(store, limit, "session_id = :from", session))
    start, end = windows.bounds(limit.window, now_ms, zone)
    # Zones of old had days that began within a quarter-hour: rather too much than too little.
    quarter = start - start % QUARTER_MS
    spent = _charged(store, limit, "rollup", "quarter_ms >= :from", quarter)
    held = _held(store, limit, "window_ms >= :from", quarter)
    return Standing(limit, spent, held, start, end)


def _charged(store: Reader, limit: Limit, table: str, where: str, value: str | int | None) -> int:
    column = "cash_nano" if limit.unit == "usd" else "limited_tokens"
    return _sum(store, f"SELECT sum({column}) FROM {table} WHERE {where}", limit, value)  # noqa: S608


def _held(store: Reader, limit: Limit, where: str, value: str | int | None) -> int:
    column = "amount_nano" if limit.unit == "usd" else "max_tokens"
    sql = f"SELECT sum({column}) FROM holds WHERE state = 'held' AND {where}"  # noqa: S608
    return _sum(store, sql, limit, value)


def _sum(store: Reader, sql: str, limit: Limit, value: str | int | None) -> int:
    if limit.project is not None:
        sql += " AND project_id = :project"
    if limit.alias is not None:
        sql += " AND alias = :alias"
    found = store.row(sql, {"from": value, "project": limit.project, "alias": limit.alias})
    return int(found[0] or 0) if found else 0
