"""The sheet of `lodestar usage projects`: what each project used, and its share of the money."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from lodestar.modules.usage_tracker.reports.figures import total
from lodestar.modules.usage_tracker.reports.quality import Quality, quality
from lodestar.modules.usage_tracker.reports.sheet import Column, Sheet
from lodestar.modules.usage_tracker.reports.usage import Group, Wanted, usage
from lodestar.modules.usage_tracker.reports.usage_sheet import (
    FIGURES,
    TITLES,
    cells_of,
    facts_of,
    named,
    notes,
    total_key,
)

SHARE = Column("cash_share", "Share", "share", rank=2, money=True)
"""Of the cash of all projects together; unknown where nothing was spent."""


def projects_sheet(
    connection: sqlite3.Connection,
    wanted: Wanted,
    names: Mapping[str, Mapping[str | int, str]],
    tags: bool = False,
) -> Sheet:
    """One row a project, and tag where they are wanted, what cost most first."""
    wanted = replace(wanted, by=("project", "tag") if tags else ("project",))
    groups = sorted(usage(connection, wanted), key=_order)
    found = quality(connection, wanted)
    whole = total(group.figures for group in groups)

    def share(cash: int) -> float | None:
        return cash / whole.cash if whole.cash else None

    rows = tuple(
        (
            *named(wanted.by, group.key, names),
            share(group.figures.cash),
            *cells_of(group.figures, found.get(group.key)),
        )
        for group in groups
    )
    last = cells_of(whole, sum(found.values(), Quality()))
    return Sheet(
        "usage.projects",
        f"Projects, {wanted.period.text()}",
        (*(Column(name, TITLES[name]) for name in wanted.by), SHARE, *FIGURES),
        rows,
        (*total_key(len(wanted.by)), share(whole.cash), *last),
        notes=tuple(notes(whole)),
        facts=facts_of(wanted),
    )


def _order(group: Group) -> tuple[int, int, tuple[str, ...]]:
    return -group.figures.cash, -group.figures.calls, tuple(map(str, group.key))
