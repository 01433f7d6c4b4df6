"""The sheet of `lodestar usage models`: cost, quality and speed of each model."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lodestar.modules.usage_tracker.reports import latency
from lodestar.modules.usage_tracker.reports.figures import Figures, total
from lodestar.modules.usage_tracker.reports.latency import NONE, Latency
from lodestar.modules.usage_tracker.reports.quality import Quality, quality
from lodestar.modules.usage_tracker.reports.sheet import Cell, Column, Sheet
from lodestar.modules.usage_tracker.reports.usage import Wanted, usage
from lodestar.modules.usage_tracker.reports.usage_sheet import (
    FIGURES,
    TITLES,
    cells_of,
    facts_of,
    named,
    notes,
    total_key,
)

Key = tuple[str | int, ...]
BY = tuple(latency.KEYS)
# Beside these the words of `usage` are too many for a screen: they are there when asked for.
_SHOWN = ("calls", "cash_usd", "avoided_usd", "kept", "good", "bad")
_RANKS = {"avoided_usd": 6, "good": 8, "bad": 9, "kept": 0}
MEASURES = (
    Column("usd_per_kept", "$/kept", "usd", rank=1, money=True),
    Column("p50_s", "p50", "seconds", rank=3),
    Column("p95_s", "p95", "seconds", rank=4),
    Column("first_p50_s", "First", "seconds", rank=5),
    Column("first_p95_s", "First p95", "seconds", spare=True),
    Column("answers", "Timed", "count", spare=True),
)
COLUMNS = (
    *(
        replace(c, spare=c.name not in _SHOWN, rank=_RANKS.get(c.name, c.rank))
        for c in FIGURES
        if c.name != "free"
    ),
    *MEASURES,
)


@dataclass(frozen=True)
class Model:
    """What is known of one group of calls."""

    key: Key
    figures: Figures
    quality: Quality
    latency: Latency

    def cells(self) -> tuple[Cell, ...]:
        """A cell for each of COLUMNS."""
        known = zip(FIGURES, cells_of(self.figures, self.quality), strict=True)
        said = self.latency
        return (
            *(cell for column, cell in known if column.name != "free"),
            per_kept(self.figures, self.quality),
            *(said.p50, said.p95, said.first_p50, said.first_p95, said.answers),
        )


def models(connection: sqlite3.Connection, wanted: Wanted) -> list[Model]:
    """The models of a period, and kinds of calls where they are wanted; `wanted.by` is of BY."""
    found, times = quality(connection, wanted), latency.latency(connection, wanted)
    return [
        Model(
            group.key,
            group.figures,
            found.get(group.key, Quality()),
            times.get(group.key, NONE),
        )
        for group in usage(connection, wanted)
    ]


def models_sheet(connection: sqlite3.Connection, wanted: Wanted) -> Sheet:
    """One row a model, or a model and kind."""
    found = models(connection, wanted)
    whole = Model(
        (),
        total(one.figures for one in found),
        sum((one.quality for one in found), Quality()),
        latency.latency(connection, replace(wanted, by=())).get((), NONE),
    )
    return Sheet(
        "usage.models",
        f"Models, {wanted.period.text()}",
        (*(Column(name, TITLES[name]) for name in wanted.by), *COLUMNS),
        tuple((*named(wanted.by, one.key, {}), *one.cells()) for one in found),
        (*total_key(len(wanted.by)), *whole.cells()),
        notes=(*notes(whole.figures), *time_notes([whole.latency])),
        facts=facts_of(wanted),
    )


def per_kept(figures: Figures, said: Quality) -> int | None:
    """What a change that still stands has cost, nano-dollars; the failed ones are paid, too."""
    unknown = figures.unpriced and not figures.cash
    return None if unknown or not said.kept else -(-figures.cash // said.kept)


def time_notes(found: Sequence[Latency]) -> list[str]:
    """That not all answers were looked at, where it is so."""
    if sum(one.answers for one in found) < latency.MOST:
        return []
    return [f"times are of the newest {latency.MOST:,} answers of the period"]
