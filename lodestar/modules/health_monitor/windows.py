"""How models did over the last five minutes, hour and day: calls, failures, waiting time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from lodestar.modules.health_monitor import samples
from lodestar.store.store import Store

WINDOWS = {"5m": 5 * 60_000, "1h": samples.HOUR_MS, "24h": samples.DAY_MS}


@dataclass
class Window:
    """Calls of one model in one span of time."""

    calls: int = 0
    failed: int = 0
    first_ms: list[int] = field(default_factory=list)
    whole_ms: list[int] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """For programs; waiting times are those of the calls that went well."""
        return {
            "calls": self.calls,
            "failed": self.failed,
            "error_share": round(self.failed / self.calls, 4) if self.calls else None,
            "first_token_ms": _two(self.first_ms),
            "duration_ms": _two(self.whole_ms),
        }


@dataclass
class Record:
    """A model by its alias, with its windows."""

    alias: str
    server: str | None
    model: str | None
    last_ms: int = 0
    last_error: str | None = None
    windows: dict[str, Window] = field(default_factory=lambda: {name: Window() for name in WINDOWS})


def records(store: Store, now_ms: int, known: Collection[str]) -> list[Record]:
    """The models of these aliases that were called within a day, the latest first."""
    found: dict[tuple[str, str | None], Record] = {}
    rows = store.rows(
        "SELECT ts_ms, alias, server, model, ok, ttft_ms, duration_ms, error FROM health_samples"
        " WHERE ts_ms > ? AND source = 'call' ORDER BY ts_ms",
        (now_ms - WINDOWS["24h"],),
    )
    for row in rows:
        if row["alias"] not in known:
            continue
        key = (row["alias"], row["server"])
        record = found.setdefault(key, Record(row["alias"], row["server"], row["model"]))
        record.model, record.last_ms = row["model"], row["ts_ms"]
        record.last_error = None if row["ok"] else row["error"]
        for name, span in WINDOWS.items():
            if row["ts_ms"] > now_ms - span:
                _count(record.windows[name], row)
    return sorted(found.values(), key=lambda one: -one.last_ms)


def percentile(values: Sequence[int], share: float) -> int | None:
    """The smallest value that so large a share of them does not exceed; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]


def _count(window: Window, row: Any) -> None:
    window.calls += 1
    if not row["ok"]:
        window.failed += 1
        return
    if row["ttft_ms"] is not None:
        window.first_ms.append(row["ttft_ms"])
    if row["duration_ms"] is not None:
        window.whole_ms.append(row["duration_ms"])


def _two(values: Sequence[int]) -> dict[str, int] | None:
    if not values:
        return None
    return {"p50": percentile(values, 0.5) or 0, "p95": percentile(values, 0.95) or 0}
