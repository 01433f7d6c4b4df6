"""Sums of the roll-up between local midnights, wherever those are in a UTC day.

Whole UTC days are read from their own roll-up; a midnight that cuts one adds, or takes off, the
quarter-hours of its smaller side. The sums are exact, so it does not matter which.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lodestar.modules.usage_tracker.rollup_days import DAY_MS

Key = tuple[str | int, ...]
Sums = list[int]


@dataclass(frozen=True)
class _Cut:
    """A moment between two spans; `base` is the first UTC day that is wholly after it, but for
    `start` to `end`, which `sign` adds to what begins there."""

    base: int
    start: int
    end: int
    sign: int


class Spans:
    """Reads sums of a ledger by keys. `keys` are columns of the roll-up, `sums` SQL of sums, and
    `only` maps columns to the values that count."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        keys: Sequence[str],
        sums: Sequence[str],
        only: Mapping[str, str | int],
    ) -> None:
        self._cursor = connection.cursor()
        self._cursor.row_factory = None
        self._width = len(keys)
        chosen = ", ".join((*keys, *sums))
        tests = "".join(f" AND {column} = ?" for column in only)
        groups = ", ".join(str(place + 1) for place in range(len(keys)))
        end = f"{tests}" + (f" GROUP BY {groups}" if groups else " HAVING count(*)")
        self._days = f"SELECT {chosen} FROM rollup_days WHERE day_ms >= ? AND day_ms < ?{end}"  # noqa: S608
        self._quarters = (
            f"SELECT {chosen} FROM rollup WHERE quarter_ms >= ? AND quarter_ms < ?{end}"  # noqa: S608
        )
        self._only = tuple(only.values())

    def between(self, moments: Sequence[int]) -> Iterator[dict[Key, Sums]]:
        """The sums of each span between two moments that follow each other, UTC ms."""
        cuts = [_cut(moment) for moment in moments]
        edges = [self._read(self._quarters, cut.start, cut.end) for cut in cuts]
        for place in range(len(cuts) - 1):
            first, last = cuts[place], cuts[place + 1]
            found = self._read(self._days, first.base, last.base)
            _add(found, edges[place], first.sign)
            _add(found, edges[place + 1], -last.sign)
            yield {key: sums for key, sums in found.items() if any(sums)}

    def _read(self, sql: str, start: int, end: int) -> dict[Key, Sums]:
        if start >= end:
            return {}
        rows = self._cursor.execute(sql, (start, end, *self._only))
        return {row[: self._width]: [n or 0 for n in row[self._width :]] for row in rows}


def _cut(moment: int) -> _Cut:
    day = moment - moment % DAY_MS
    if moment - day <= DAY_MS // 2:
        return _Cut(day, day, moment, -1)
    return _Cut(day + DAY_MS, moment, day + DAY_MS, 1)


def _add(found: dict[Key, Sums], more: Mapping[Key, Sums], sign: int) -> None:
    for key, sums in more.items():
        known = found.get(key)
        if known is None:
            found[key] = [sign * one for one in sums]
        else:
            for place, one in enumerate(sums):
                known[place] += sign * one
