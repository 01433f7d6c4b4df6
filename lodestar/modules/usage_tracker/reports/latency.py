"""How long answers took: percentiles by model and kind, from the exchanges that are kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lodestar.modules.usage_tracker.reports.usage import Wanted

MOST = 50_000
"""Of more answers than this the newest ones are looked at."""
KEYS = {"alias": "e.served_alias", "model": "e.served_model", "kind": "e.kind"}
"""What answers can be told apart by, and filtered by."""
_SESSIONS = {"project": "s.project_id", "branch": "s.branch", "tag": "s.tag"}

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Latency:
    """Seconds until the last and the first token: half of the answers took no longer (p50), and
    19 of 20 (p95). None where nobody measured it."""

    answers: int = 0
    p50: float | None = None
    p95: float | None = None
    first_p50: float | None = None
    first_p95: float | None = None


NONE = Latency()


def latency(connection: sqlite3.Connection, wanted: Wanted) -> Mapping[Key, Latency]:
    """By the keys of `wanted.by`, which are of KEYS. Only whole, good answers count."""
    found: dict[Key, tuple[list[int], list[int]]] = {}
    for *key, duration, first in _rows(connection, wanted):
        durations, firsts = found.setdefault(tuple(key), ([], []))
        if duration is not None:
            durations.append(duration)
        if first is not None:
            firsts.append(first)
    return {key: _summed(*lists) for key, lists in found.items()}


def percentile(values: Sequence[int], share: float) -> float | None:
    """The smallest of the sorted values that so large a share of them does not exceed, seconds."""
    if not values:
        return None
    place = -(-len(values) * round(share * 100) // 100) - 1
    return values[max(0, place)] / 1000


def _rows(connection: sqlite3.Connection, wanted: Wanted) -> sqlite3.Cursor:
    columns = {**KEYS, **_SESSIONS}
    joined = any(name in _SESSIONS for name in wanted.only)
    sessions = " LEFT JOIN sessions s ON s.id = e.session_id" if joined else ""
    only = "".join(f" AND {columns[name]} = ?" for name in wanted.only)
    keys = "".join(f"coalesce({KEYS[name]}, ''), " for name in wanted.by)
    sql = (
        f"SELECT {keys}e.duration_ms, e.ttft_ms FROM exchanges e{sessions}"  # noqa: S608 (ours)
        f" WHERE e.started_ms >= ? AND e.started_ms < ? AND e.status = 'ok'{only}"
        f" ORDER BY e.started_ms DESC LIMIT {MOST}"
    )
    period = wanted.period
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor.execute(sql, (period.start_ms, period.end_ms, *wanted.only.values()))


def _summed(durations: list[int], firsts: list[int]) -> Latency:
    durations.sort()
    firsts.sort()
    return Latency(
        len(durations),
        percentile(durations, 0.5),
        percentile(durations, 0.95),
        percentile(firsts, 0.5),
        percentile(firsts, 0.95),
    )
