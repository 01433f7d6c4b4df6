"""What became of the answers, counted bit by bit, so that no look takes long.

Figures of money come from roll-ups. Whether an answer was kept or liked is known of single
exchanges only, of which a month may have hundreds of thousands: each day is counted once, a
quarter-hour at a time, and again when something was said of one of its answers.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo

from lodestar.modules.usage_tracker.reports.period import Period
from lodestar.modules.usage_tracker.reports.quality import Quality, quality
from lodestar.modules.usage_tracker.reports.usage import Wanted
from lodestar.modules.usage_tracker.rollup import QUARTER_MS
from lodestar.modules.usage_tracker.windows import day_of, midnight

STEP_S = 0.01
KEYS = ("project", "alias", "branch", "tag", "billing")
Key = tuple[str | int, ...]
Found = dict[Key, Quality]
_NEWER = """
SELECT (SELECT max(window_ms) FROM charges WHERE exchange_id = x.exchange_id) AS ms FROM (
  SELECT exchange_id FROM signals WHERE rowid > :signal UNION
  SELECT exchange_id FROM ratings WHERE rowid > :rating UNION
  SELECT exchange_id FROM ratings WHERE undone_ms > :undone) x
"""
_REACHED = (
    ("signal", "SELECT max(rowid) FROM signals"),
    ("rating", "SELECT max(rowid) FROM ratings"),
    ("undone", "SELECT max(undone_ms) FROM ratings"),
    ("purged", "SELECT max(before_ms) FROM ledger_purged"),
)


@dataclass(frozen=True)
class Stretch(Period):
    """A part of a day, as a period."""

    from_ms: int = 0
    to_ms: int = 0

    @property
    def start_ms(self) -> int:
        """Its first moment, UTC milliseconds."""
        return self.from_ms

    @property
    def end_ms(self) -> int:
        """When it is over, UTC milliseconds."""
        return self.to_ms


@dataclass
class Day:
    """A day's counts. `shown` are those of the last time that all of it was counted."""

    next_ms: int
    found: Found = field(default_factory=dict)
    shown: Found | None = None


class Counting:
    """The days that were counted in one time zone."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._days: dict[date, Day] = {}
        self._reached: dict[str, int] = {}

    def step(
        self, connection: sqlite3.Connection, period: Period, now: int, most_s: float = STEP_S
    ) -> bool:
        """Count on for a moment, the newest day first; True once the period is counted."""
        self._forget_changed(connection, now)
        deadline = time.perf_counter() + most_s
        for day in self._open_days(connection, period, now):
            if not self._count(connection, day, now, deadline):
                return False
        return True

    def by(
        self, connection: sqlite3.Connection, wanted: Wanted, now: int
    ) -> Mapping[Key, Quality] | None:
        """As `quality` would say it; None where a day was not counted yet."""
        found: Found = {}
        for day in self._days_of(connection, wanted.period, now):
            known = self._days.get(day)
            if known is None or known.shown is None:
                return None
            for key, one in known.shown.items():
                values = dict(zip(KEYS, key, strict=True)) | _times(day)
                if all(values[name] == value for name, value in wanted.only.items()):
                    group = tuple(values[name] for name in wanted.by)
                    found[group] = found.get(group, Quality()) + one
        return found

    def _count(self, connection: sqlite3.Connection, day: date, now: int, deadline: float) -> bool:
        """Bit by bit; False where the time was up before the day was."""
        end = min(midnight(day + timedelta(days=1), self._zone), now + 1)
        one = self._days.setdefault(day, Day(midnight(day, self._zone)))
        while one.next_ms < end:
            until = min(one.next_ms + QUARTER_MS, end)
            stretch = Stretch(day, day, self._zone, one.next_ms, until)
            for key, counted in quality(connection, Wanted(stretch, KEYS)).items():
                one.found[key] = one.found.get(key, Quality()) + counted
            one.next_ms = until
            if time.perf_counter() > deadline and until < end:
                return False
        one.shown = one.found
        return True

    def _open_days(
        self, connection: sqlite3.Connection, period: Period, now: int
    ) -> Iterator[date]:
        for day in self._days_of(connection, period, now):
            one = self._days.get(day)
            if one is None or one.shown is not one.found:
                yield day

    def _days_of(self, connection: sqlite3.Connection, period: Period, now: int) -> Iterator[date]:
        """The days of a period in which there may be something, the newest first."""
        row = connection.execute("SELECT min(window_ms) AS first FROM charges").fetchone()
        if row["first"] is None:
            return
        day = min(period.last, day_of(now, self._zone))
        first = max(period.first, day_of(row["first"], self._zone))
        while day >= first:
            yield day
            day -= timedelta(days=1)

    def _forget_changed(self, connection: sqlite3.Connection, now: int) -> None:
        """Days of whose answers something new was said are counted again."""
        reached = {name: connection.execute(sql).fetchone()[0] or 0 for name, sql in _REACHED}
        before, self._reached = self._reached, reached
        if not before or reached == before:
            return
        if reached["purged"] != before["purged"] or _is_less(reached, before):
            self._days.clear()
            return
        for row in connection.execute(_NEWER, before):
            day = day_of(row["ms"] if row["ms"] is not None else now, self._zone)
            if day in self._days:
                # What was counted before stays on the screen until then.
                shown = self._days[day].shown
                self._days[day] = Day(midnight(day, self._zone), {}, shown)


def _is_less(reached: Mapping[str, int], before: Mapping[str, int]) -> bool:
    """Whether something was deleted, or the database is another one."""
    return any(reached[name] < before[name] for name in reached)


def _times(day: date) -> dict[str, str | int]:
    monday = day - timedelta(days=day.weekday())
    return {"day": day.isoformat(), "week": monday.isoformat(), "month": f"{day:%Y-%m}"}
