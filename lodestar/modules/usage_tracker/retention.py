"""What may leave the ledger, and how it comes back: purging old rows, replaying the journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from lodestar.clock import now_ms
from lodestar.modules.usage_tracker import budget_log, charges, rollup
from lodestar.modules.usage_tracker.budget_log import Key
from lodestar.store.migrations import COUNTED_MS, Purge


def purge_charges(connection: sqlite3.Connection, purge: Purge, most: int) -> int:
    """Delete old charges; their roll-ups stay. A forgotten project keeps its accounts: no words."""
    before = _before(purge)
    if before is None:
        return 0
    # Whole quarter-hours, so that what stays can be counted again.
    before -= before % rollup.QUARTER_MS
    connection.execute(
        "INSERT INTO ledger_purged(one, before_ms) VALUES (1, ?) ON CONFLICT(one)"
        " DO UPDATE SET before_ms = max(before_ms, excluded.before_ms)",
        (before,),
    )
    # A session that is still open counts its own charges, however old.
    return connection.execute(
        "DELETE FROM charges WHERE id IN (SELECT id FROM charges WHERE window_ms < ?"
        " AND coalesce(session_id, '') NOT IN (SELECT id FROM sessions WHERE ended_ms IS NULL)"
        " LIMIT ?)",
        (before, most),
    ).rowcount


def forget_words(connection: sqlite3.Connection, purge: Purge, most: int) -> int:
    """Take the branches and tags of a forgotten project out; its accounts stay, without words."""
    if purge.project is None or purge.text_only:
        return 0
    worded = "project_id = ? AND (branch IS NOT NULL OR tag IS NOT NULL)"
    found = connection.execute(
        f"SELECT id FROM charges WHERE {worded} LIMIT ?",  # noqa: S608 (our own)
        (purge.project, most),
    ).fetchall()
    for (charge,) in found:
        rollup.take_back(connection, charge)
        connection.execute("UPDATE charges SET branch = NULL, tag = NULL WHERE id = ?", (charge,))
        rollup.add(connection, charge)
    changed = connection.execute(
        f"UPDATE holds SET branch = NULL, tag = NULL WHERE id IN"  # noqa: S608 (our own)
        f" (SELECT id FROM holds WHERE {worded} LIMIT ?)",
        (purge.project, most),
    ).rowcount
    return len(found) + changed


def purge_holds(connection: sqlite3.Connection, purge: Purge, most: int) -> int:
    """Delete old settled holds without a charge; an open one never."""
    before = _before(purge)
    if before is None:
        return 0
    return connection.execute(
        "DELETE FROM holds WHERE id IN (SELECT id FROM holds h WHERE state <> 'held'"
        " AND window_ms < ? AND NOT EXISTS (SELECT 1 FROM charges WHERE hold_id = h.id) LIMIT ?)",
        (before - before % rollup.QUARTER_MS, most),
    ).rowcount


def purge_alerts(connection: sqlite3.Connection, purge: Purge, most: int) -> int:
    """Delete old alerts; what a window or a session that goes on has told is not told again."""
    before = _before(purge)
    if before is None:
        return 0
    return connection.execute(
        "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE created_ms < ?"
        " AND coalesce(session_id, '') NOT IN (SELECT id FROM sessions WHERE ended_ms IS NULL)"
        " LIMIT ?)",
        (before, most),
    ).rowcount


def forget_alerts(connection: sqlite3.Connection, purge: Purge, most: int) -> int:
    """Delete the alerts of a project's own limits and sessions.

    What its sessions were told of everybody's limits stays, without them: it is told once.
    """
    if purge.project is None or purge.text_only:
        return 0
    gone = connection.execute(
        "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE instr(limit_key, ?)"
        " OR project_id = ? AND limit_key LIKE '%/session/%' LIMIT ?)",
        (f"/{purge.project}/", purge.project, most),
    ).rowcount
    return (
        gone
        + connection.execute(
            "UPDATE alerts SET session_id = NULL, project_id = NULL WHERE id IN"
            " (SELECT id FROM alerts WHERE project_id = ? LIMIT ?)",
            (purge.project, most),
        ).rowcount
    )


def replay(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> bool | None:
    """Put a row of the journal back; None where its table is not the ledger's."""
    if table == "charges":
        return _replay_charge(connection, dict(row))
    if table == "budgets":
        return _replay_budget(connection, dict(row))
    return None


def _replay_budget(connection: sqlite3.Connection, row: dict[str, Any]) -> bool:
    if connection.execute("SELECT 1 FROM budgets WHERE id = ?", (row["id"],)).fetchone():
        return False
    undone = connection.execute("SELECT 1 FROM budgets WHERE id = ?", (row["undoes"],))
    if row["undoes"] and not undone.fetchone():
        return False
    _insert(connection, "budgets", row)
    # What counts follows from all rows; the journal's lines know those of their time only.
    key = Key(row["time_window"], row["unit"], row["project_id"], row["alias"])
    budget_log.refresh(connection, key)
    return True


def _replay_charge(connection: sqlite3.Connection, row: dict[str, Any]) -> bool:
    if connection.execute("SELECT 1 FROM charges WHERE id = ?", (row["id"],)).fetchone():
        return False
    hold = row.get("hold_id")
    charges.take_back(connection, hold)
    # The backup may be from while the hold was open, or from before it.
    posted = connection.execute(
        "UPDATE holds SET state = 'posted', ending = ?, settled_ms = ? WHERE id = ?",
        (row.get("reason") or "replayed", row["created_ms"], hold),
    )
    if hold and not posted.rowcount:
        _insert(connection, "holds", _hold_of(row))
    _insert(connection, "charges", row)
    rollup.add(connection, row["id"])
    return True


def _hold_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The hold that a charge must have had; that it was no larger is not known any more."""
    known = {
        "id": row["hold_id"],
        "owner": "restored",
        "amount_nano": row["cash_nano"],
        "max_input": row.get("input_tokens") or 0,
        "max_output": row.get("output_tokens") or 0,
        "state": "posted",
        "settled_ms": row["created_ms"],
        "ending": row.get("reason") or "replayed",
    }
    return {**row, **known}


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    known = {column[1] for column in connection.execute(f"PRAGMA table_info({table})")}
    values = {name: value for name, value in row.items() if name in known}
    connection.execute(
        f"INSERT INTO {table}({', '.join(values)})"  # noqa: S608 (our own names)
        f" VALUES ({', '.join(f':{name}' for name in values)})",
        values,
    )


def _before(purge: Purge) -> int | None:
    if purge.text_only or purge.before_ms is None:
        return None
    return min(purge.before_ms, now_ms() - COUNTED_MS)
