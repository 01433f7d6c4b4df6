"""Usage by day, project, model and so on: read from the roll-ups, which are kept for ever."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any

from lodestar.modules.usage_tracker import rollup
from lodestar.modules.usage_tracker.reports.figures import SUMS, Figures, of_row, total
from lodestar.modules.usage_tracker.reports.period import Period
from lodestar.modules.usage_tracker.reports.spanned import Spans
from lodestar.modules.usage_tracker.rollup import QUARTER_MS
from lodestar.modules.usage_tracker.windows import day_of, midnight

DAY_MS = 86_400_000
KEYS = {
    "project": "project_id",
    "model": "model",
    "alias": "alias",
    "tier": "tier",
    "kind": "kind",
    "branch": "branch",
    "tag": "tag",
    "billing": "billing",
}
"""What a report may be grouped by, besides time, and the column of the roll-up."""
TIMES = ("day", "week", "month")
BY = (*TIMES, "session", *KEYS)
_FIGURES = ", ".join(f"{sql} AS {name!r}" for name, sql in SUMS.items())
_ONE = ", ".join(
    f"{count} AS {name}" for name, count in zip(rollup.SUMS, rollup.COUNTS, strict=True)
)
# A session is no key of the roll-up: it is counted from the charges, as long as they are kept.
_SESSIONS = (
    f"SELECT session AS k0, {_FIGURES} FROM (SELECT coalesce(session_id, '') AS session, billing,"  # noqa: S608
    f" {_ONE} FROM charges WHERE window_ms >= ? AND window_ms < ?"
)


@dataclass(frozen=True)
class Wanted:
    """What a report counts: a period, its groups (names of BY), and only these keys' values.

    `only` maps names of KEYS to values; a project is named by its id.
    """

    period: Period
    by: tuple[str, ...] = ("day",)
    only: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """The figures of one group; `key` has a value for each name of `Wanted.by`.

    A day is an ISO date, a week that of its Monday, a month `2026-11`; what is not known is "".
    """

    key: tuple[str | int, ...]
    figures: Figures


def usage(connection: sqlite3.Connection, wanted: Wanted) -> list[Group]:
    """The groups that have figures, in the order of their keys."""
    found: dict[tuple[str | int, ...], Figures] = {}
    for key, figures in _rows(connection, wanted):
        found[key] = found.get(key, Figures()) + figures
    return [Group(key, found[key]) for key in sorted(found, key=_order)]


def totals(groups: Sequence[Group]) -> Figures:
    """All groups together."""
    return total(group.figures for group in groups)


def spans(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[tuple[int, int, list[str]]]:
    """The period in pieces, UTC milliseconds, each with the expressions that its groups have.

    The expressions are of columns of the roll-up; `key_of` reads what they give, named k0, k1 ...
    """
    columns = [KEYS.get(name, name) for name in wanted.by if name not in TIMES]
    if not any(name in TIMES for name in wanted.by):
        yield wanted.period.start_ms, wanted.period.end_ms, columns
        return
    for start, end, offset in _pieces(_clipped(connection, wanted.period)):
        yield start, end, [f"(quarter_ms + {offset}) / {DAY_MS}", *columns]


def key_of(by: Sequence[str], row: Mapping[str, Any]) -> tuple[str | int, ...]:
    """The key of a row that was grouped by the expressions of `spans`."""
    timed = any(name in TIMES for name in by)
    values = iter([row[f"k{i}"] for i in range(int(timed) + sum(n not in TIMES for n in by))])
    day = date(1970, 1, 1) + timedelta(days=next(values)) if timed else None
    return tuple(_time(name, day) if day and name in TIMES else next(values) for name in by)


def _rows(
    connection: sqlite3.Connection, wanted: Wanted
) -> Iterator[tuple[tuple[str | int, ...], Figures]]:
    if "session" in wanted.by:
        yield from _sessions(connection, wanted)
        return
    columns = [KEYS[name] for name in wanted.by if name in KEYS]
    only = {KEYS[name]: value for name, value in wanted.only.items()}
    reader = Spans(connection, columns, tuple(SUMS.values()), only)
    starts = _starts(connection, wanted)
    moments = [midnight(day, wanted.period.zone) for day in starts]
    for first, found in zip(starts, reader.between(moments), strict=False):
        for key, sums in found.items():
            values = iter(key)
            named = (_time(name, first) if name in TIMES else next(values) for name in wanted.by)
            yield tuple(named), Figures(*sums)


def _starts(connection: sqlite3.Connection, wanted: Wanted) -> list[date]:
    """The first day of each group in time, and the day after the last one."""
    after = wanted.period.last + timedelta(days=1)
    step = next((name for name in wanted.by if name in TIMES), None)
    if step is None:
        return [wanted.period.first, after]
    period = _clipped(connection, wanted.period)
    days = (period.first + timedelta(days=n) for n in range(period.days))
    starts = [day for day in days if day == period.first or _begins(step, day)]
    return [*starts, after]


def _begins(step: str, day: date) -> bool:
    return step == "day" or (day.weekday() == 0 if step == "week" else day.day == 1)


def _clipped(connection: sqlite3.Connection, period: Period) -> Period:
    """The period without the years before the first call: clocks changed often in them."""
    row = connection.execute("SELECT min(quarter_ms) AS first FROM rollup").fetchone()
    if row is None or row["first"] is None:
        return replace(period, first=period.last)
    return replace(
        period, first=min(period.last, max(period.first, day_of(row["first"], period.zone)))
    )


def _sessions(
    connection: sqlite3.Connection, wanted: Wanted
) -> Iterator[tuple[tuple[str | int, ...], Figures]]:
    sql = f"{_SESSIONS}{_only(wanted.only)}) GROUP BY 1"
    start, end = wanted.period.start_ms, wanted.period.end_ms
    for row in connection.execute(sql, (start, end, *wanted.only.values())):
        yield key_of(wanted.by, row), of_row(row)


def _only(chosen: Mapping[str, str | int]) -> str:
    return "".join(f" AND {KEYS[name]} = ?" for name in chosen)


def _time(name: str, day: date) -> str:
    if name == "week":
        return (day - timedelta(days=day.weekday())).isoformat()
    return f"{day:%Y-%m}" if name == "month" else day.isoformat()


def _order(key: tuple[str | int, ...]) -> tuple[tuple[bool, str | int], ...]:
    # A tier is a number; nothing known sorts last.
    return tuple((value == "", value) for value in key)


def _pieces(period: Period) -> Iterator[tuple[int, int, int]]:
    """The period in pieces without a change of clocks: start, end and offset from UTC, ms.

    A change comes between two quarter-hours, and the roll-up is kept by those.
    """
    start = period.start_ms - period.start_ms % QUARTER_MS
    day, offset = period.first, _offset(start, period.zone)
    while day <= period.last:
        day += timedelta(days=1)
        end = midnight(day, period.zone)
        if _offset(end - 1, period.zone) != offset:
            change = _change(start, end, period.zone)
            yield start, change, offset
            start, offset = change, _offset(change, period.zone)
    yield start, period.end_ms, offset


def _change(start: int, end: int, zone: tzinfo | None) -> int:
    """The first quarter-hour with another offset than the one at the start."""
    low, high = start // QUARTER_MS, -(-end // QUARTER_MS)
    before = _offset(start, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle * QUARTER_MS, zone) == before:
            low = middle
        else:
            high = middle
    return high * QUARTER_MS


def _offset(ms: int, zone: tzinfo | None) -> int:
    moment = datetime.fromtimestamp(ms / 1000, tz=timezone.utc).astimezone(zone)
    delta = moment.utcoffset()
    return int(delta.total_seconds() * 1000) if delta else 0
