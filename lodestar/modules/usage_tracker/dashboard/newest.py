"""The newest exchanges, for a list from which one is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lodestar.clock import local_text
from lodestar.modules.usage_tracker.dashboard.view import View
from lodestar.modules.usage_tracker.reports.sheet import Cell, Column, Sheet
from lodestar.modules.usage_tracker.reports.words import dollars
from lodestar.outcomes.kept import kept_percent

MOST = 50
AMONG = 2000
"""A filter looks among so many, so that it takes no longer the rarer something is."""
COLUMNS = (
    Column("time", "Time"),
    Column("kind", "Kind", rank=5),
    Column("model", "Model"),
    Column("status", "Status", rank=3),
    Column("in", "In", "tokens", rank=6),
    Column("out", "Out", "tokens", rank=4),
    Column("cost", "Cost"),
    Column("rating", "Rated", rank=2),
    Column("kept", "Kept", rank=1),
    Column("project", "Project", rank=7),
)
_FILTERS = {
    "project": "s.project_id = :project",
    "alias": "coalesce(e.served_alias, e.requested_alias) = :alias",
    "branch": "s.branch = :branch",
    "tag": "s.tag = :tag",
}
_ROWS = """
SELECT e.id, e.started_ms, e.kind, coalesce(e.served_alias, e.requested_alias) AS alias, e.status,
  e.input_tokens, e.output_tokens, s.project_id AS project
FROM (SELECT * FROM exchanges ORDER BY started_ms DESC, id DESC LIMIT :among) e
LEFT JOIN sessions s ON s.id = e.session_id {where}
ORDER BY e.started_ms DESC, e.id DESC LIMIT :most
"""
_COST = """
SELECT sum(cash_nano) AS cash, max(billing = 'payg') AS paid,
  max(billing = 'payg' AND corrects IS NULL AND list_nano IS NULL) AS unpriced
FROM charges WHERE exchange_id = ?
"""
_RATING = """
SELECT verdict FROM ratings WHERE exchange_id = ? AND undone_ms IS NULL ORDER BY id DESC LIMIT 1
"""


def newest(view: View) -> tuple[Sheet, tuple[str, ...]]:
    """The list, and the ids of its exchanges."""
    where = " AND ".join(_FILTERS[name] for name in view.only)
    sql = _ROWS.format(where=f"WHERE {where}" if where else "")
    bound = {**view.only, "most": MOST, "among": AMONG if where else MOST}
    rows = [dict(row) for row in view.glance.rows(sql, bound)]
    ids = tuple(str(row["id"]) for row in rows)
    kept = kept_percent(view.glance, ids)
    notes = (f"looked for among the newest {AMONG:,}",) if where and len(rows) < MOST else ()
    cells = tuple(_cells(view, row, kept) for row in rows)
    return Sheet("newest", "Newest exchanges", COLUMNS, cells, notes=notes), ids


def _cells(view: View, row: Mapping[str, Any], kept: Mapping[str, int]) -> tuple[Cell, ...]:
    rating = view.glance.row(_RATING, (row["id"],))
    share = kept.get(row["id"])
    return (
        moment(row["started_ms"], view),
        row["kind"],
        row["alias"],
        "running" if row["status"] == "open" else row["status"],
        row["input_tokens"],
        row["output_tokens"],
        _cost(view, row["id"]),
        rating["verdict"] if rating else "",
        "" if share is None else f"{share}%",
        view.names["project"].get(row["project"], "-") if row["project"] else "-",
    )


def moment(ms: int, view: View) -> str:
    """The time; with its day where that is another one than today."""
    name = view.context.settings.timezone
    text, now = local_text(ms, name), local_text(view.now, name)
    return text[11:] if text[:10] == now[:10] else text[5:]


def _cost(view: View, exchange: str) -> str:
    row = view.glance.row(_COST, (exchange,))
    if row is None or row["paid"] is None:
        return ""
    if not row["paid"]:
        return "free"
    return "no price" if row["unpriced"] and not row["cash"] else dollars(row["cash"])
