"""From the raw data of a run to its figures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.bench.gateways.measure import CHUNKS

LATE_US = 30_000
Raw = Mapping[str, Any]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent do not exceed."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def figures(run: Raw) -> dict[str, dict[str, Any]]:
    """By target: what its users would notice. Milliseconds, microseconds and MB, as named.

    Times are what is added to direct; those of direct are its own.
    """
    return {name: _of(name, run) for name in run["labels"] if name in run["rounds"][0]["c1"]}


def _of(name: str, run: Raw) -> dict[str, Any]:
    rounds = run["rounds"]

    def added(stage: str, what: str, percent: float) -> float:
        return _median(rounds, lambda one: _added(one[stage], name, what, percent))

    def cpu(stage: str) -> float:
        return _median(rounds, lambda one: one[stage][name]["cpu_us"])

    def chunk_cpu(stage: str) -> float:
        return (cpu(stage) - cpu("c1")) / CHUNKS

    found: dict[str, Any] = {
        f"{stage}_p{percent}_ms": added(stage, "whole_us", percent) / 1000
        for stage in ("c1", "c16")
        for percent in (50, 95, 99)
    }
    found |= {f"chunk_p{percent}_us": added("paced", "age_us", percent) for percent in (50, 95, 99)}
    found |= {
        "first_p50_ms": added("first", "first_us", 50) / 1000,
        "burst_ms": added("burst", "whole_us", 50) / 1000,
        "per_s": _median(rounds, lambda one: _per_second(one["c32"][name])),
        "late": {what: _late(rounds, name, *where) for what, where in LATE.items()},
    }  # fmt: skip
    if name == "direct":
        return found
    memory = run["memory_mb"][name]
    return found | {
        "cpu_us": cpu("c1"),
        "cpu_full_us": cpu("c32"),
        "chunk_cpu_us": chunk_cpu("burst"),
        "paced_cpu_us": chunk_cpu("paced"),
        "idle_mb": memory["idle"],
        "after_mb": memory["after"],
        "requests": memory["requests"],
        "ready_s": statistics.median(run["ready_s"][name]),
    }


LATE = {
    "answers": ("c1", "whole_us"),
    "first tokens": ("first", "first_us"),
    "streams": ("burst", "whole_us"),
    "chunks": ("paced", "age_us"),
}


def _median(rounds: Sequence[Raw], value: Callable[[Raw], float]) -> float:
    return statistics.median(value(one) for one in rounds)


def _per_second(seen: Raw) -> float:
    return seen["count"] / seen["seconds"]


def _added(stage: Raw, name: str, what: str, percent: float) -> float:
    base = 0 if name == "direct" else percentile(stage["direct"][what], percent)
    return percentile(stage[name][what], percent) - base


def _late(rounds: Sequence[Raw], name: str, stage: str, what: str) -> float:
    """The share that took 30 ms longer than direct takes, of all rounds together."""
    late = total = 0
    for one in rounds:
        bound = percentile(one[stage]["direct"][what], 50) + LATE_US
        values = one[stage][name][what]
        late += sum(value > bound for value in values)
        total += len(values)
    return late / total
