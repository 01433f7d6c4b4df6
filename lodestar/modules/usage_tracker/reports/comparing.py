"""The sheet of `lodestar usage compare`: two models side by side, and whether it says anything."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp, lgamma
from typing import Any

from lodestar.modules.usage_tracker.reports.by_model import (
    COLUMNS,
    Model,
    models,
    per_kept,
    time_notes,
)
from lodestar.modules.usage_tracker.reports.figures import Figures, total
from lodestar.modules.usage_tracker.reports.latency import NONE
from lodestar.modules.usage_tracker.reports.quality import Quality
from lodestar.modules.usage_tracker.reports.sheet import Cell, Column, Sheet
from lodestar.modules.usage_tracker.reports.usage import Wanted
from lodestar.modules.usage_tracker.reports.usage_sheet import facts_of, notes
from lodestar.modules.usage_tracker.reports.words import percent

CHANCE = 0.05
"""A difference that chance alone makes more often than this is none."""
PER_CALL = Column("usd_per_call", "$/call", "usd", rank=7, money=True)
# How many there were says how much a share is worth.
ALL = (
    Column("alias", "Model"),
    *(replace(c, spare=c.spare and c.name != "changes") for c in COLUMNS),
    PER_CALL,
)


@dataclass(frozen=True)
class Verdict:
    """Whether one share is really higher: the better alias, or None, and how often chance alone
    makes such a difference (None where there is nothing to compare)."""

    better: str | None
    chance: float | None


def compare_sheet(
    connection: sqlite3.Connection, wanted: Wanted, aliases: tuple[str, str]
) -> Sheet:
    """The two models as rows with the same columns, and what can be said of them."""
    one, other = (_of(connection, wanted, alias) for alias in aliases)
    kept = _verdict(one, other, lambda said: (said.kept, said.changes))
    rated = _verdict(one, other, lambda said: (said.good, said.good + said.bad))
    whole = total([one.figures, other.figures])
    return Sheet(
        "usage.compare",
        f"{aliases[0]} and {aliases[1]}, {wanted.period.text()}",
        ALL,
        tuple(_row(model) for model in (one, other)),
        notes=(
            *notes(whole),
            *time_notes([one.latency, other.latency]),
            *_said("kept changes", kept),
            *_said("ratings", rated),
            "each did the work that it was given: this is no experiment",
        ),
        facts={**facts_of(wanted), "kept": _plain(kept), "rated": _plain(rated)},
    )


def chance(hits: int, tries: int, other_hits: int, other_tries: int) -> float:
    """How often two shares differ as much or more by chance alone: Fisher's exact test."""
    whole, all_hits = tries + other_tries, hits + other_hits

    def likely(first: int) -> float:
        ways = _ways(tries, first) + _ways(other_tries, all_hits - first) - _ways(whole, all_hits)
        return exp(ways)

    seen = likely(hits) * (1 + 1e-9)
    possible = range(max(0, all_hits - other_tries), min(tries, all_hits) + 1)
    return min(1.0, sum(p for p in map(likely, possible) if p <= seen))


def _ways(total: int, chosen: int) -> float:
    """The logarithm of how many ways there are to choose."""
    return lgamma(total + 1) - lgamma(chosen + 1) - lgamma(total - chosen + 1)


def _of(connection: sqlite3.Connection, wanted: Wanted, alias: str) -> Model:
    only = {**wanted.only, "alias": alias}
    found = models(connection, replace(wanted, by=("alias",), only=only))
    return found[0] if found else Model((alias,), Figures(), Quality(), NONE)


def _row(model: Model) -> tuple[Cell, ...]:
    figures = model.figures
    # A call stands for a change here: the same sum, divided by the calls.
    return (
        model.key[0],
        *model.cells(),
        per_kept(figures, Quality(figures.calls, figures.calls)),
    )


def _verdict(one: Model, other: Model, counted: Callable[[Quality], tuple[int, int]]) -> Verdict:
    (hits, tries), (other_hits, other_tries) = counted(one.quality), counted(other.quality)
    if not tries or not other_tries:
        return Verdict(None, None)
    found = chance(hits, tries, other_hits, other_tries)
    first = hits * other_tries > other_hits * tries
    better = str((one if first else other).key[0])
    return Verdict(better if found < CHANCE else None, found)


def _said(what: str, verdict: Verdict) -> list[str]:
    if verdict.chance is None:
        return [f"{what}: one of them has none, so there is nothing to compare"]
    often = f"chance alone makes such a difference in {percent(verdict.chance)} of cases"
    if verdict.better is None:
        return [f"{what}: the numbers are too few to tell, {often}"]
    return [f"{what}: {verdict.better} is better, {often}"]


def _plain(verdict: Verdict) -> dict[str, Any]:
    often = None if verdict.chance is None else round(verdict.chance, 4)
    return {"better": verdict.better, "chance": often}
