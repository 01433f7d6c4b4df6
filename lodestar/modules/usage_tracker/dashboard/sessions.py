"""The sessions that run: where, on which model, for how long, and what they used."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from lodestar.durations import duration_text
from lodestar.modules.usage_tracker import used
from lodestar.modules.usage_tracker.dashboard.page import Line
from lodestar.modules.usage_tracker.dashboard.view import View
from lodestar.modules.usage_tracker.reports.words import compact, dollars
from lodestar.store.processes import runs
from lodestar.store.sessions import boot_id

MOST = 4
_RUNNING = """
SELECT s.id, s.pid, s.profile, s.branch, s.tag, s.started_ms, s.session_minutes, s.project_id
FROM sessions s WHERE s.ended_ms IS NULL AND s.boot_id = ? ORDER BY s.started_ms DESC
"""
_LAST = """
SELECT coalesce(e.served_alias, e.requested_alias) AS alias, e.status, e.output_tokens, e.ttft_ms,
  e.duration_ms, (SELECT max(billing = 'payg') FROM attempts WHERE exchange_id = e.id) AS paid
FROM exchanges e WHERE e.session_id = ? ORDER BY e.id DESC LIMIT 1
"""


def session_lines(view: View) -> Iterator[Line]:
    """Two lines for each session, the newest first."""
    found = [
        row for row in view.glance.rows(_RUNNING, (boot_id(),)) if row["pid"] and runs(row["pid"])
    ]
    if not found:
        yield Line("no session runs; start one: lodestar code", "off")
    for row in found[:MOST]:
        yield Line(_where(view, row))
        yield Line(f"  {_does(view, row['id'])}")
    if len(found) > MOST:
        yield Line(f"and {len(found) - MOST} more sessions: lodestar status", "off")


def _where(view: View, row: sqlite3.Row) -> str:
    project = view.names["project"].get(row["project_id"], "no project")
    branch = f" ({row['branch']})" if row["branch"] else ""
    tag = f", {row['tag']}" if row["tag"] else ""
    whole = row["session_minutes"]
    limit = f" of {duration_text(whole * 60)}" if whole else ""
    minutes = max(0, view.now - row["started_ms"]) // 60_000
    age = duration_text(minutes * 60) if minutes else "0 min"
    return f"{project}{branch}{tag}, profile {row['profile']}, for {age}{limit}"


def _does(view: View, session: str) -> str:
    sums = used.of_session(view.glance, session)
    parts = [
        _model(view, session),
        "1 call" if sums.calls == 1 else f"{sums.calls:,} calls",
        f"{compact(sums.input_tokens)} in, {compact(sums.output_tokens)} out",
        f"{dollars(sums.cash_nano)} cash",
    ]
    return " | ".join(part for part in parts if part)


def _model(view: View, session: str) -> str:
    last = view.glance.row(_LAST, (session,))
    if last is None:
        return "nothing asked yet"
    kind = "PAID" if last["paid"] else "FREE"
    if last["status"] == "open":
        return f"{kind} {last['alias']} is answering"
    writing_ms = (last["duration_ms"] or 0) - (last["ttft_ms"] or 0)
    speed = 1000 * (last["output_tokens"] or 0) // writing_ms if writing_ms > 0 else 0
    return f"{kind} {last['alias']}" + (f", {speed} tokens/s" if speed else "")
