"""Charges: what was paid, what it would cost by the list, and what was avoided."""

from __future__ import annotations

import logging
import sqlite3
from typing import Any, Literal

from lodestar.clock import now_ms
from lodestar.exchange import Outcome, Request, Route, Usage
from lodestar.ids import new_id
from lodestar.modules.usage_tracker import holds
from lodestar.modules.usage_tracker.holds import Hold
from lodestar.modules.usage_tracker.prices import Price, list_price, price_of
from lodestar.store.store import Store

log = logging.getLogger("lodestar.usage_tracker")

Source = Literal["provider", "estimated", "worst_case"]
# A report above this many times the worst case is nonsense, not a price.
ABSURD = 10


def charge_free(store: Store, request: Request, route: Route, outcome: Outcome) -> None:
    """Record the tokens of a call that cost nothing; nothing where no token is known."""
    usage, price = outcome.usage, price_of(route.entry)
    if outcome.status not in ("ok", "aborted") or not outcome.sent:
        return
    if usage.input is None and usage.output is None:
        return
    listed = list_price(price, usage)
    row = _row(request, route, price, usage, usage.source)
    with store.write() as connection:
        _insert(connection, {**row, "cash_nano": 0, "list_nano": listed, "avoided_nano": listed})


def settle(store: Store, hold: Hold, outcome: Outcome) -> None:
    """Settle a hold, once: void it where nothing was used, else charge what was.

    A hold that was swept as an orphan meanwhile is corrected; a settled one stays.
    """
    cash, source = _cost(hold, outcome)
    row = _row(hold.request, hold.route, hold.price, outcome.usage, source)
    money = {"cash_nano": cash, "list_nano": cash, "avoided_nano": 0}
    with store.write() as connection:
        if holds.state_of(connection, hold.id) not in ("held", "orphan"):
            return
        connection.execute("DELETE FROM charges WHERE hold_id = ?", (hold.id,))
        if _unused(outcome):
            holds.set_state(connection, hold.id, "voided")
            return
        holds.set_state(connection, hold.id, "posted")
        _insert(connection, {**row, **money, "hold_id": hold.id})
    if cash > hold.amount:
        log.error("%s cost more than its worst case: %d n$", hold.route.alias, cash)


def sweep_orphans(store: Store) -> int:
    """Charge the open holds of dead processes at their worst case; returns how many."""
    swept = 0
    for owner in holds.dead_owners(store):
        with store.write() as connection:
            rows = connection.execute(
                "SELECT * FROM holds WHERE state = 'held' AND owner = ?", (owner,)
            ).fetchall()
            for row in rows:
                holds.set_state(connection, row["id"], "orphan")
                _insert(connection, _orphan(row))
        swept += len(rows)
    return swept


def _cost(hold: Hold, outcome: Outcome) -> tuple[int, Source]:
    """What to charge, nano-dollars: as reported, else the worst case."""
    usage = outcome.usage
    # A count in the middle of a stream that broke off is not the final one.
    final = outcome.status == "ok" or outcome.finish_reason is not None
    counted = all(n is not None and n >= 0 for n in (usage.input, usage.output))
    if final and usage.source == "provider" and counted:
        cash = hold.price.of(int(usage.input or 0), _billed_output(usage))
        if cash <= hold.amount * ABSURD:
            return cash, "provider"
    return hold.amount, "worst_case"


def _billed_output(usage: Usage) -> int:
    """Output tokens as billed: some providers leave reasoning out of them, not of the total."""
    total = (usage.raw or {}).get("total_tokens")
    rest = total - int(usage.input or 0) if isinstance(total, int) else 0
    return max(int(usage.output or 0), rest)


def _unused(outcome: Outcome) -> bool:
    """Whether the provider did nothing: it never got the request, or turned it away.

    One that failed itself (408, 5xx) may have worked for nothing, and bill it.
    """
    status = outcome.http_status or 0
    refused = 300 <= status < 500 and status != 408 and outcome.usage.source != "provider"
    return not outcome.sent or refused


def _row(
    request: Request, route: Route, price: Price | None, usage: Usage, source: Source
) -> dict[str, Any]:
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
        "usage_source": source,
        "price_in_nano": price.input if price else None,
        "price_out_nano": price.output if price else None,
    }


def _orphan(hold: sqlite3.Row) -> dict[str, Any]:
    names = ("session_id", "exchange_id", "kind", "alias", "model", "tier", "billing")
    prices = ("price_in_nano", "price_out_nano")
    return {
        **{name: hold[name] for name in (*names, *prices)},
        "hold_id": hold["id"],
        "usage_source": "worst_case",
        "cash_nano": hold["amount_nano"],
        "list_nano": hold["amount_nano"],
        "avoided_nano": 0,
    }


def _insert(connection: sqlite3.Connection, row: dict[str, Any]) -> None:
    attempt = connection.execute(
        "SELECT id FROM attempts WHERE exchange_id = ? AND alias = ? ORDER BY number DESC LIMIT 1",
        (row["exchange_id"], row["alias"]),
    ).fetchone()
    values = {"id": new_id(), **row, "attempt_id": attempt["id"] if attempt else None}
    values["created_ms"] = now_ms()
    connection.execute(
        f"INSERT INTO charges({', '.join(values)})"  # noqa: S608 (our own names)
        f" VALUES ({', '.join(f':{name}' for name in values)})",
        values,
    )
