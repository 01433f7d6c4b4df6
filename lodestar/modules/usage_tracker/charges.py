"""Charges: what was paid, what it would cost by the list, and what was avoided."""

from __future__ import annotations

import json
import logging
import sqlite3
from functools import partial
from typing import Any

from lodestar.clock import now_ms
from lodestar.exchange import Outcome, Request, Route, Usage
from lodestar.ids import new_id
from lodestar.modules.usage_tracker import endings, holds, ledger_clock, rollup
from lodestar.modules.usage_tracker.endings import Ending
from lodestar.modules.usage_tracker.holds import PRICE_COLUMNS, Hold, price_values
from lodestar.modules.usage_tracker.prices import Price, list_price, price_of
from lodestar.paths import Home
from lodestar.store import journal, state
from lodestar.store.store import Store

log = logging.getLogger("lodestar.usage_tracker")

Against = tuple[str, Price]
"""A paid model, and its price, that free work is compared with."""
_KEPT = (
    "session_id",
    "project_id",
    "branch",
    "tag",
    "exchange_id",
    "kind",
    "alias",
    "model",
    "tier",
    "billing",
    "window_ms",
    *PRICE_COLUMNS,
)
"""What the charge of an orphan takes from its hold."""


def charge_free(
    store: Store, request: Request, route: Route, outcome: Outcome, against: Against | None
) -> None:
    """Record the tokens of a call that cost nothing; nothing where no token is known.

    `against` is the paid model that the call is compared with: what was avoided.
    """
    usage = outcome.usage
    if outcome.status not in ("ok", "aborted") or not outcome.sent:
        return
    if usage.input is None and usage.output is None:
        return
    price = price_of(route.entry)
    row = {
        **_row(request, route, usage),
        **price_values(price),
        "usage_source": usage.source,
        "cash_nano": 0,
        "list_nano": list_price(price, usage),
        "avoided_nano": list_price(against[1], usage) if against else None,
        "avoided_alias": against[0] if against else None,
    }
    with store.write(durable=False) as connection:
        place = connection.execute(
            "SELECT project_id, branch, tag FROM sessions WHERE id = ?", (request.session,)
        ).fetchone()
        row |= dict(place) if place else {}
        row["window_ms"] = ledger_clock.moment(connection, now_ms())
        insert(connection, row)


def settle(store: Store, hold: Hold, outcome: Outcome) -> dict[str, Any] | None:
    """Settle a hold, once: void it where nothing was used, else charge what was.

    A hold that was swept as an orphan meanwhile is corrected; a settled one stays. Returns the
    charge that was written, if any.
    """
    ending, price = _judged(hold, outcome)
    row = None if ending.source == "unsent" else _charge(hold, outcome.usage, ending, price)
    with store.write() as connection:
        if holds.state_of(connection, hold.id) not in ("held", "orphan"):
            return None
        take_back(connection, hold.id)
        holds.set_state(connection, hold.id, "posted" if row else "voided", ending.reason)
        if row is not None:
            insert(connection, row)
            home = Home(store.path.parent)
            store.after_commit(partial(journal.append, home, "charges", row))
        state.bump(connection)
    if ending.cash_nano > hold.amount:
        log.error("%s cost more than its worst case: %d n$", hold.route.alias, ending.cash_nano)
    return row


def sweep_orphans(store: Store) -> int:
    """Charge the open holds of dead processes at their worst case; returns how many."""
    swept = 0
    for owner in holds.dead_owners(store):
        with store.write() as connection:
            rows = connection.execute(
                "SELECT * FROM holds WHERE state = 'held' AND owner = ?", (owner,)
            ).fetchall()
            written = [_orphan(row) for row in rows]
            for row, charge in zip(rows, written, strict=True):
                holds.set_state(connection, row["id"], "orphan", "its process died")
                insert(connection, charge)
            state.bump(connection)
        for charge in written:
            journal.append(Home(store.path.parent), "charges", charge)
        swept += len(rows)
    return swept


def _judged(hold: Hold, outcome: Outcome) -> tuple[Ending, Price]:
    """How it ended, and at which price: a long prompt is one by the provider's own count."""
    hidden = endings.may_hide(hold.request, hold.route.entry.model)
    most_output = hold.max_output * hold.answers
    judged = partial(endings.judged, outcome, hold.amount, hold.max_input, most_output)
    ending, entry = judged(hold.price, hidden), hold.route.entry
    if entry.long_prompt is None or ending.tokens is None:
        return ending, hold.price
    price = price_of(entry, ending.tokens[0]) or hold.price
    return judged(price, hidden), price


def _charge(hold: Hold, usage: Usage, ending: Ending, price: Price) -> dict[str, Any]:
    counted = dict(zip(("input_tokens", "output_tokens"), ending.tokens or (), strict=False))
    return {
        **_row(hold.request, hold.route, usage),
        **counted,
        **price_values(price),
        "hold_id": hold.id,
        "project_id": hold.project,
        "branch": hold.branch,
        "tag": hold.tag,
        "window_ms": hold.window_ms,
        "usage_source": ending.source,
        "reason": ending.reason,
        "limited_tokens": sum(ending.tokens) if ending.tokens else hold.max_tokens,
        "cash_nano": ending.cash_nano,
        "list_nano": ending.cash_nano,
        "avoided_nano": 0,
    }


def _row(request: Request, route: Route, usage: Usage) -> dict[str, Any]:
    return {
        "session_id": request.session,
        "exchange_id": request.id,
        "kind": request.kind,
        "alias": route.alias,
        "model": route.entry.model,
        "tier": route.entry.tier,
        "billing": route.entry.billing,
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "reasoning_tokens": usage.reasoning,
        # Numbers only: the core has taken everybody's words out.
        "usage_raw": None if usage.raw is None else json.dumps(usage.raw),
    }


def _orphan(hold: sqlite3.Row) -> dict[str, Any]:
    return {
        **{name: hold[name] for name in _KEPT},
        "hold_id": hold["id"],
        "usage_source": "worst_case",
        "reason": "its process died",
        "limited_tokens": hold["max_tokens"],
        "cash_nano": hold["amount_nano"],
        "list_nano": hold["amount_nano"],
        "avoided_nano": 0,
    }


def take_back(connection: sqlite3.Connection, hold: str | None) -> None:
    """Remove the charge of a hold, and what corrects it, for the one that takes its place."""
    row = connection.execute("SELECT id FROM charges WHERE hold_id = ?", (hold,)).fetchone()
    if not row:
        return
    of_it = "SELECT id FROM charges WHERE id = ? OR corrects = ?"
    for (charge,) in connection.execute(of_it, (row["id"], row["id"])).fetchall():
        rollup.take_back(connection, charge)
        connection.execute("DELETE FROM charges WHERE id = ?", (charge,))


def insert(connection: sqlite3.Connection, row: dict[str, Any]) -> None:
    attempt = connection.execute(
        "SELECT id FROM attempts WHERE exchange_id = ? AND alias = ? ORDER BY number DESC LIMIT 1",
        (row["exchange_id"], row["alias"]),
    ).fetchone()
    row["id"] = new_id()
    row["attempt_id"] = attempt["id"] if attempt else None
    row["created_ms"] = now_ms()
    connection.execute(
        f"INSERT INTO charges({', '.join(row)})"  # noqa: S608 (our own names)
        f" VALUES ({', '.join(f':{name}' for name in row)})",
        row,
    )
    rollup.add(connection, row["id"])
