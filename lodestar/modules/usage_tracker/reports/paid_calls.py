"""The sheets of `lodestar usage why`: every paid call with its reason, and the reasons summed."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lodestar.clock import local_text
from lodestar.modules.usage_tracker.reports.figures import total
from lodestar.modules.usage_tracker.reports.quality import Quality
from lodestar.modules.usage_tracker.reports.sheet import Cell, Column, Sheet
from lodestar.modules.usage_tracker.reports.usage import KEYS, Wanted, usage
from lodestar.modules.usage_tracker.reports.usage_sheet import calls_text, facts_of
from lodestar.modules.usage_tracker.reports.words import dollars
from lodestar.money import plain_dollars

NO_REASON = "not recorded"
COLUMNS = (
    Column("when", "When"),
    Column("alias", "Model"),
    Column("kind", "Kind", rank=4),
    Column("reason", "Reason"),
    Column("cash_usd", "Cash", "usd", money=True),
    Column("held_usd", "At most", "usd", rank=5, money=True),
    Column("outcome", "Outcome", rank=3),
    Column("rating", "Rating", rank=6),
    Column("project", "Project", rank=2),
    Column("exchange", "Exchange", rank=1),
    Column("model", "Served by", spare=True),
    Column("branch", "Branch", spare=True),
    Column("tag", "Tag", spare=True),
    Column("input_tokens", "In", "tokens", spare=True),
    Column("output_tokens", "Out", "tokens", spare=True),
    Column("assumed", "Assumed", spare=True),
)
REASONS = (
    Column("reason", "Reason"),
    Column("calls", "Calls", "count"),
    Column("cash_share", "Share", "share", rank=2, money=True),
    Column("cash_usd", "Cash", "usd", money=True),
    Column("kept", "Kept", "share", rank=1),
    Column("good", "Good", "count", rank=3),
    Column("bad", "Bad", "count", rank=4),
    Column("changes", "Changes", "count", spare=True),
)
# What is said of an exchange is said of its last call: an earlier one was no answer.
_CALLS = """
SELECT c.*, coalesce(a.reason, CASE WHEN c.alias = e.served_alias THEN e.route_reason END) AS why,
  h.amount_nano AS held, c.cash_nano + coalesce((SELECT sum(cash_nano) FROM charges
   WHERE corrects = c.id), 0) AS cash,
  c.id = (SELECT max(id) FROM charges WHERE exchange_id = c.exchange_id AND corrects IS NULL)
   AS last
FROM charges c LEFT JOIN attempts a ON a.id = c.attempt_id
LEFT JOIN exchanges e ON e.id = c.exchange_id LEFT JOIN holds h ON h.id = c.hold_id
WHERE c.window_ms >= ? AND c.window_ms < ? AND c.billing = 'payg' AND c.corrects IS NULL
"""
_CHANGES = """
SELECT count(*) AS changes, sum(NOT EXISTS (SELECT 1 FROM signals x
  WHERE x.exchange_id = t.exchange_id AND x.commit_hash = t.commit_hash
  AND x.type IN ('undo', 'reverted'))) AS kept
FROM signals t WHERE exchange_id = ? AND type = 'commit' AND json_extract(data, '$.aider_edits')
"""
_RATING = """
SELECT verdict FROM ratings WHERE exchange_id = ? AND undone_ms IS NULL ORDER BY id DESC LIMIT 1
"""


@dataclass(frozen=True)
class Call:
    """One paid call: the row of its charge, what it came to, and what became of the answer.

    `cash` is nano-dollars, with what was corrected later; None where its price is not known.
    """

    row: Mapping[str, Any]
    cash: int | None
    reason: str
    quality: Quality


def calls(connection: sqlite3.Connection, wanted: Wanted) -> list[Call]:
    """The paid calls of a period, the newest first; those of purged times are gone."""
    only = "".join(f" AND c.{KEYS[name]} = ?" for name in wanted.only)
    sql = f"{_CALLS}{only} ORDER BY c.window_ms DESC, c.id DESC"
    values = (wanted.period.start_ms, wanted.period.end_ms, *wanted.only.values())
    return [_call(connection, dict(row)) for row in connection.execute(sql, values)]


def why_sheet(
    connection: sqlite3.Connection,
    wanted: Wanted,
    names: Mapping[str, Mapping[str | int, str]],
    most: int | None = None,
) -> Sheet:
    """One row a paid call, at most so many; the totals are of all of them."""
    found = calls(connection, wanted)
    shown = found[:most]
    cut = [f"the newest {len(shown):,} of {len(found):,}"] if len(shown) < len(found) else []
    last = {
        "when": "Total",
        "cash_usd": _cash(found),
        "held_usd": sum(call.row["held"] or 0 for call in found),
        "input_tokens": sum(call.row["input_tokens"] or 0 for call in found),
        "output_tokens": sum(call.row["output_tokens"] or 0 for call in found),
    }
    texts = {column.name: "" for column in COLUMNS if column.kind == "text"}
    return Sheet(
        "usage.why",
        f"Paid calls, {wanted.period.text()}",
        COLUMNS,
        tuple(_row(call, wanted, names) for call in shown),
        tuple({**texts, **last}[column.name] for column in COLUMNS),
        **_told(connection, wanted, found, cut),
    )


def reasons_sheet(connection: sqlite3.Connection, wanted: Wanted) -> Sheet:
    """One row a reason, the dearest first."""
    found = calls(connection, wanted)
    by: dict[str, list[Call]] = {}
    for call in found:
        by.setdefault(call.reason, []).append(call)
    ordered = sorted(by.items(), key=lambda item: (-(_cash(item[1]) or 0), -len(item[1]), item[0]))
    spent = _cash(found) or 0
    return Sheet(
        "usage.reasons",
        f"Reasons of paid calls, {wanted.period.text()}",
        REASONS,
        tuple(_sum(reason, some, spent) for reason, some in ordered),
        _sum("Total", found, spent),
        **_told(connection, wanted, found, []),
    )


def _call(connection: sqlite3.Connection, row: Mapping[str, Any]) -> Call:
    cash = None if row["list_nano"] is None and not row["cash_nano"] else row["cash"]
    found = Quality()
    if row["last"]:
        changes = connection.execute(_CHANGES, (row["exchange_id"],)).fetchone()
        verdict = connection.execute(_RATING, (row["exchange_id"],)).fetchone()
        said = verdict["verdict"] if verdict else None
        kept = changes["kept"] or 0
        found = Quality(changes["changes"], kept, int(said == "good"), int(said == "bad"))
    return Call(row, cash, row["why"] or NO_REASON, found)


def _row(
    call: Call, wanted: Wanted, names: Mapping[str, Mapping[str | int, str]]
) -> tuple[Cell, ...]:
    row, zone_name = call.row, getattr(wanted.period.zone, "key", None)
    project = row["project_id"]
    return (
        local_text(row["window_ms"], zone_name),
        row["alias"],
        row["kind"],
        call.reason,
        call.cash,
        row["held"],
        _outcome(call.quality),
        "good" if call.quality.good else "bad" if call.quality.bad else "",
        names.get("project", {}).get(project, project) if project else "-",
        row["exchange_id"][-8:].lower(),
        *(row["model"], row["branch"] or "", row["tag"] or ""),
        *(row["input_tokens"], row["output_tokens"]),
        "" if row["usage_source"] == "provider" else row["usage_source"].replace("_", " "),
    )


def _outcome(said: Quality) -> str:
    if not said.changes:
        return ""
    if said.kept in (0, said.changes):
        return "kept" if said.kept else "undone"
    return f"{said.kept} of {said.changes} kept"


def _sum(reason: str, some: Sequence[Call], spent: int) -> tuple[Cell, ...]:
    said = sum((call.quality for call in some), Quality())
    cash, rated = _cash(some), said.good + said.bad > 0
    return (
        reason,
        len(some),
        cash / spent if spent and cash is not None else None,
        cash,
        said.kept_share,
        said.good if rated else None,
        said.bad if rated else None,
        said.changes,
    )


def _cash(some: Sequence[Call]) -> int | None:
    """What they came to; None where the price of none is known, nothing where there is none."""
    known = [call.cash for call in some if call.cash is not None]
    return sum(known) if known or not some else None


def _told(
    connection: sqlite3.Connection, wanted: Wanted, found: Sequence[Call], cut: Sequence[str]
) -> dict[str, Any]:
    """The notes and facts of both sheets; calls that were purged are known by their sum alone."""
    only = {**wanted.only, "billing": "payg"}
    whole = total(one.figures for one in usage(connection, replace(wanted, by=(), only=only)))
    gone, spent = whole.calls - len(found), whole.cash - (_cash(found) or 0)
    lines = list(cut)
    if not whole.calls:
        lines.append("nothing was paid for in this time")
    if gone:
        lines.append(
            f"{calls_text(gone)} more, {dollars(spent)}, are known by their sum alone:"
            " single calls are kept for `retention.rows_days` days"
        )
    purged = {"calls": gone, "cash_usd": plain_dollars(spent)}
    return {"notes": tuple(lines), "facts": {**facts_of(wanted), "purged": purged}}
