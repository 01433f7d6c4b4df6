"""Holds: money set aside before a paid call, so that a crash cannot spend it unseen."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

from lodestar.clock import now_ms
from lodestar.exchange import Request, Route
from lodestar.ids import new_id
from lodestar.modules.usage_tracker import bounds, owners
from lodestar.modules.usage_tracker.prices import Price
from lodestar.store.store import Store

State = Literal["held", "posted", "voided", "orphan"]


@dataclass(frozen=True)
class Hold:
    """The worst case of one attempt. `amount` is nano-dollars, the maxima are tokens."""

    id: str
    request: Request
    route: Route
    price: Price
    max_input: int
    max_output: int
    amount: int


def worst_case(request: Request, route: Route, price: Price) -> Hold:
    """The hold that covers whatever this attempt may cost. Raises Refused without a bound."""
    most_in = bounds.max_input(request)
    most_out = bounds.max_output(request, route.entry)
    amount = price.of(most_in, most_out * bounds.answers(request))
    return Hold(new_id(), request, route, price, most_in, most_out, amount)


def place(store: Store, hold: Hold) -> None:
    """Commit the hold as held by this process."""
    entry = hold.route.entry
    values = {
        "id": hold.id,
        "owner": owners.this_process(),
        "session_id": hold.request.session,
        "exchange_id": hold.request.id,
        "kind": hold.request.kind,
        "alias": hold.route.alias,
        "model": entry.model,
        "tier": entry.tier,
        "billing": entry.billing,
        "amount_nano": hold.amount,
        "max_input": hold.max_input,
        "max_output": hold.max_output,
        "price_in_nano": hold.price.input,
        "price_out_nano": hold.price.output,
        "created_ms": now_ms(),
    }
    with store.write() as connection:
        connection.execute(
            f"INSERT INTO holds({', '.join(values)}, state)"  # noqa: S608 (our own names)
            f" VALUES ({', '.join(f':{name}' for name in values)}, 'held')",
            values,
        )


def state_of(connection: sqlite3.Connection, id: str) -> State | None:
    """The state of a hold; None where there is no such hold."""
    row = connection.execute("SELECT state FROM holds WHERE id = ?", (id,)).fetchone()
    return row["state"] if row else None


def set_state(connection: sqlite3.Connection, id: str, state: State) -> None:
    """Move a hold on, within the caller's transaction."""
    connection.execute(
        "UPDATE holds SET state = ?, settled_ms = ? WHERE id = ?", (state, now_ms(), id)
    )


def dead_owners(store: Store) -> list[str]:
    """Owners of open holds whose process is gone."""
    rows = store.rows("SELECT DISTINCT owner FROM holds WHERE state = 'held'")
    return [row["owner"] for row in rows if not owners.alive(row["owner"])]
