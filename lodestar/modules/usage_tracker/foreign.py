"""Charges that a file brings: which of them may be put in, and how they are taken out again."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from lodestar.modules.usage_tracker import rollup

MOST_NANO = 10_000 * 10**9
"""No call costs so much; sums of many stay within what the database can hold."""
_BILLINGS = ("local", "free", "payg")
_SAME = ("exchange_id", "session_id", "project_id", "alias", "billing", "window_ms")
"""What a correction has in common with its charge: it counts where that one counts."""
_SOURCES = ("provider", "estimated", "worst_case")


def refusal(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> str | None:
    """Why a row must not be put in: it would change what this machine knows to be spent."""
    if table != "charges":
        return None
    if row["billing"] not in _BILLINGS or row["usage_source"] not in _SOURCES:
        return "its billing or its source is not known"
    amounts = [row.get(name) or 0 for name in ("cash_nano", "list_nano", "avoided_nano")]
    if any(abs(amount) > MOST_NANO for amount in amounts):
        return "its amount cannot be"
    if row["billing"] != "payg" and row["cash_nano"]:
        return "it is free and costs something"
    if row.get("corrects"):
        return _of_correction(connection, row)
    if row["cash_nano"] < 0 or (row.get("limited_tokens") or 0) < 0:
        return "its amount cannot be"
    return _of_hold(connection, row)


def withdraw(connection: sqlite3.Connection, exchange: str) -> int:
    """Delete the charges of an exchange, and their holds; the roll-ups are without them then."""
    found = connection.execute(
        "SELECT id, hold_id FROM charges WHERE exchange_id = ?", (exchange,)
    ).fetchall()
    for charge, hold in found:
        rollup.take_back(connection, charge)
        connection.execute("DELETE FROM charges WHERE id = ?", (charge,))
        connection.execute("DELETE FROM holds WHERE id = ? AND state <> 'held'", (hold,))
    return len(found)


def _of_correction(connection: sqlite3.Connection, row: Mapping[str, Any]) -> str | None:
    """A correction counts where its charge does, and never takes more than there was."""
    known = "SELECT * FROM charges WHERE id = ?"
    charge = connection.execute(known, (row["corrects"],)).fetchone()
    if charge is None or any(charge[name] != row.get(name) for name in _SAME):
        return "what it corrects is not there"
    settled = connection.execute(
        "SELECT sum(cash_nano), sum(limited_tokens) FROM charges WHERE id = ? OR corrects = ?",
        (charge["id"], charge["id"]),
    ).fetchone()
    if settled[0] + row["cash_nano"] < 0 or settled[1] + (row.get("limited_tokens") or 0) < 0:
        return "it takes more than there was"
    return None


def _of_hold(connection: sqlite3.Connection, row: Mapping[str, Any]) -> str | None:
    """A hold is of the same exchange; a charge that took the place of this one stays."""
    if row.get("hold_id") is None:
        return None
    hold = connection.execute(
        "SELECT h.exchange_id, h.state, (SELECT max(created_ms) FROM charges c"
        " WHERE c.hold_id = h.id) AS charged_ms FROM holds h WHERE id = ?",
        (row["hold_id"],),
    ).fetchone()
    if hold is None:
        return None
    if hold["exchange_id"] != row["exchange_id"]:
        return "its hold belongs to another exchange"
    newer = hold["charged_ms"] is not None and hold["charged_ms"] > row["created_ms"]
    return "a newer charge has taken its place" if newer else None
