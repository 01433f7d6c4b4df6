"""The gate of an upstream attempt: no byte to a paid model without a committed hold."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from lodestar.exchange import Outcome, Request, Route
from lodestar.hookspecs import AttemptGate, Refused
from lodestar.modules.usage_tracker import charges, holds
from lodestar.modules.usage_tracker.holds import Hold
from lodestar.modules.usage_tracker.prices import price_of
from lodestar.store.store import Store
from lodestar.threads import to_the_end

log = logging.getLogger("lodestar.usage_tracker")

# A server that ignores the cap is cut off here; a streamed token takes a few hundred bytes.
BYTES_PER_TOKEN = 1024
BYTES_PER_ANSWER = 64 * 1024


class FreeGate:
    """Lets everything pass; writes down the tokens at the end."""

    max_output: int | None = None

    def __init__(self, request: Request, route: Route, store: Store) -> None:
        self._request = request
        self._route = route
        self._store = store

    def progress(self, received: int) -> bool:
        """Never stops a free answer."""
        return True

    async def finish(self, outcome: Outcome) -> None:
        """Record the tokens; a database that fails is logged, the answer stands."""
        await _booked(charges.charge_free, self._store, self._request, self._route, outcome)


class PaidGate:
    """Stands on a hold until the attempt is settled."""

    def __init__(self, hold: Hold, store: Store) -> None:
        self.max_output: int | None = hold.max_output
        self.settled = False
        self._hold = hold
        self._store = store
        body = hold.request.body
        self._most_bytes = (
            None
            if body.get("logprobs")
            else BYTES_PER_ANSWER + BYTES_PER_TOKEN * hold.max_output * int(body.get("n") or 1)
        )

    def progress(self, received: int) -> bool:
        """False where far more arrives than the output cap allows."""
        return self._most_bytes is None or received <= self._most_bytes

    async def finish(self, outcome: Outcome) -> None:
        """Settle the hold. Where that fails it stays held, which counts its worst case."""
        self.settled = True
        await _booked(charges.settle, self._store, self._hold, outcome)


@asynccontextmanager
async def attempt_gate(request: Request, route: Route, store: Store) -> AsyncIterator[AttemptGate]:
    """Guard one attempt. Raises Refused where a paid route's cost has no known bound."""
    if not route.entry.paid:
        yield FreeGate(request, route, store)
        return
    price = price_of(route.entry)
    if price is None:
        raise _no_price(route.alias)
    hold = holds.worst_case(request, route, price)
    gate = PaidGate(hold, store)
    ending = Outcome("killed", sent=False)
    try:
        await to_the_end(_hold, store, hold)
        ending = Outcome("killed")
        yield gate
    finally:
        if not gate.settled:
            await gate.finish(ending)


def _hold(store: Store, hold: Hold) -> None:
    charges.sweep_orphans(store)
    holds.place(store, hold)


async def _booked(work: Callable[..., None], *arguments: object) -> None:
    try:
        await to_the_end(work, *arguments)
    except Exception:
        log.exception("an attempt could not be booked")


def _no_price(alias: str) -> Refused:
    return Refused(
        f"the price of `{alias}` is not known, so its cost cannot be covered in advance",
        "stop",
        "price",
        f"set price_in and price_out of `{alias}` in config.yaml, or use a free model",
    )
