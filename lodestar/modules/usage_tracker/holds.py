"""Holds: money set aside before a paid call, so that a crash cannot spend it unseen."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, Literal

from lodestar.clock import now_ms
from lodestar.exchange import Request, Route
from lodestar.ids import new_id
from lodestar.modules.usage_tracker import bounds, owners
from lodestar.modules.usage_tracker.prices import Price
from lodestar.modules.usage_tracker.room import Call
from lodestar.store import state
from lodestar.store.store import Store

State = Literal["held", "posted", "voided", "orphan"]
PRICE_COLUMNS = {
    "price_in_nano": "input",
    "price_out_nano": "output",
    "price_cache_read_nano": "cache_read",
    "price_cache_write_nano": "cache_write",
    "price_source": "source",
    "price_version": "version",
    "price_date": "date",
}
"""Columns of holds and charges, and the fields of Price they keep."""


@dataclass(frozen=True)
class Hold:
    """The worst case of one attempt. `amount` is nano-dollars, the maxima are tokens.

    `window_ms` is the ledger's time of the hold, which decides where it counts.
    """

    id: str
    request: Request
    route: Route
    price: Price
    max_input: int
    max_output: int
    amount: int
    answers: int = 1
    window_ms: int = 0
    project: str | None = None
    branch: str | None = None
    tag: str | None = None

    @property
    def max_tokens(self) -> int:
        """The most tokens of the call, all answers together."""
        return self.max_input + self.max_output * self.answers


def worst_case(request: Request, route: Route, price: Price) -> Call:
    """The most that an attempt may take. Raises Refused where there is no bound."""
    return Call(
        bounds.max_input(request),
        bounds.max_output(request, route.entry),
        bounds.answers(request),
        price,
    )


def place(
    connection: sqlite3.Connection,
    request: Request,
    route: Route,
    call: Call,
    window_ms: int,
    place: tuple[str | None, str | None, str | None],
) -> Hold:
    """Set the worst case of a call aside for this process, in the caller's transaction.

    `place` is (project id, branch, tag).
    """
    hold = Hold(
        new_id(),
        request,
        route,
        call.price,
        call.max_input,
        call.max_output,
        call.price.worst(call.max_input, call.max_output * call.answers),
        call.answers,
        window_ms,
        *place,
    )
    values = _values(hold)
    connection.execute(
        f"INSERT INTO holds({', '.join(values)}, state)"  # noqa: S608 (our own names)
        f" VALUES ({', '.join(f':{name}' for name in values)}, 'held')",
        values,
    )
    state.bump(connection)
    return hold


def _values(hold: Hold) -> dict[str, Any]:
    entry, request = hold.route.entry, hold.request
    return {
        "id": hold.id,
        "owner": owners.this_process(),
        "session_id": request.session,
        "project_id": hold.project,
        "branch": hold.branch,
        "tag": hold.tag,
        "exchange_id": request.id,
        "kind": request.kind,
        "alias": hold.route.alias,
        "model": entry.model,
        "tier": entry.tier,
        "billing": entry.billing,
        "amount_nano": hold.amount,
        "max_input": hold.max_input,
        "max_output": hold.max_output,
        "max_tokens": hold.max_tokens,
        **price_values(hold.price),
        "window_ms": hold.window_ms,
        "created_ms": now_ms(),
    }


def price_values(price: Price | None) -> dict[str, Any]:
    """The columns that keep a price; all NULL where it is unknown."""
    return {column: getattr(price, field, None) for column, field in PRICE_COLUMNS.items()}


def state_of(connection: sqlite3.Connection, id: str) -> State | None:
    """The state of a hold; None where there is no such hold."""
    row = connection.execute("SELECT state FROM holds WHERE id = ?", (id,)).fetchone()
    return row["state"] if row else None


def set_state(connection: sqlite3.Connection, id: str, state: State, ending: str) -> None:
    """Move a hold on, within the caller's transaction; `ending` says why."""
    connection.execute(
        "UPDATE holds SET state = ?, ending = ?, settled_ms = ? WHERE id = ?",
        (state, ending, now_ms(), id),
    )


def dead_owners(store: Store) -> list[str]:
    """Owners of open holds whose process is gone."""
    rows = store.rows("SELECT DISTINCT owner FROM holds WHERE state = 'held'")
    return [row["owner"] for row in rows if not owners.alive(row["owner"])]
