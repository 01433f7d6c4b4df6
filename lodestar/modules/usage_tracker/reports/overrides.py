"""Who changed a limit, when and why: the part of the budgets' log that a report shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from lodestar.clock import local_text
from lodestar.modules.usage_tracker import budget_log
from lodestar.modules.usage_tracker.budget_log import Entry
from lodestar.modules.usage_tracker.budget_text import NAMES, amount_text
from lodestar.modules.usage_tracker.reports.period import Period
from lodestar.modules.usage_tracker.reports.sheet import Cell, Column, Sheet

COLUMNS = (
    Column("when", "When"),
    Column("who", "Who"),
    Column("change", "Change"),
    Column("limit", "Limit"),
    Column("project", "Project", rank=2),
    Column("model", "Model", rank=1),
    Column("reason", "Reason"),
)


def overrides_sheet(
    connection: sqlite3.Connection,
    period: Period,
    names: Mapping[str, Mapping[str | int, str]],
) -> Sheet:
    """The changes of budgets in a period, the newest first."""
    log = budget_log.entries(connection)
    inside = [entry for entry in log if period.start_ms <= entry.created_ms < period.end_ms]
    zone_name = getattr(period.zone, "key", None)
    rows = tuple(_row(entry, zone_name, names.get("project", {})) for entry in reversed(inside))
    return Sheet("overrides", f"Changes of budgets, {period.text()}", COLUMNS, rows)


def _row(
    entry: Entry, zone_name: str | None, projects: Mapping[str | int, str]
) -> tuple[Cell, ...]:
    key = entry.key
    return (
        local_text(entry.created_ms, zone_name),
        entry.who,
        _change(entry),
        NAMES[key.window],
        projects.get(key.project, key.project) if key.project else "all",
        key.alias or "all",
        entry.reason or "",
    )


def _change(entry: Entry) -> str:
    if entry.action == "undo":
        return "took a change back"
    if entry.amount is None:
        return "removed it"
    amount = amount_text(entry.amount, entry.key.unit)
    return f"raised it by {amount}" if entry.action == "raise" else f"set it to {amount}"
