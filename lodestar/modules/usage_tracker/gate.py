"""The gate of an upstream attempt: no byte to a paid model without a committed hold."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial

from lodestar.exchange import SHORT, Outcome, Request, Route
from lodestar.hookspecs import AttemptGate, Refused
from lodestar.modules.usage_tracker import (
    admission,
    bounds,
    charges,
    holds,
    late,
    outlook,
    refusals,
)
from lodestar.modules.usage_tracker.admission import Admitted
from lodestar.modules.usage_tracker.charges import Against
from lodestar.modules.usage_tracker.holds import Hold
from lodestar.modules.usage_tracker.prices import price_of
from lodestar.modules.usage_tracker.room import Call
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.settings import Settings
from lodestar.store.store import Store
from lodestar.threads import to_the_end

log = logging.getLogger("lodestar.usage_tracker")

# A server that ignores the cap is cut off here; a streamed token takes a few hundred bytes.
BYTES_PER_TOKEN = 1024
BYTES_PER_ANSWER = 64 * 1024
LOOK_AGAIN_S = 0.1


class FreeGate:
    """Lets everything pass; writes down the tokens at the end."""

    max_output: int | None = None
    notices: Sequence[str] = ()

    def __init__(
        self, request: Request, route: Route, store: Store, against: Against | None
    ) -> None:
        self._request = request
        self._route = route
        self._store = store
        self._against = against

    def progress(self, received: int) -> bool:
        """Never stops a free answer."""
        return True

    def finish(self, outcome: Outcome) -> None:
        """Record the tokens; a database that fails is logged, the answer stands."""
        what = (self._store, self._request, self._route, outcome, self._against)
        late.book(self._store, partial(charges.charge_free, *what))


class PaidGate:
    """Stands on a hold until the attempt is settled."""

    def __init__(self, hold: Hold, store: Store, notices: Sequence[str]) -> None:
        self.max_output: int | None = hold.max_output
        self.notices = notices
        self.settled = False
        self.cash_nano = 0
        """What was charged, once it is settled."""
        self._hold = hold
        self._store = store
        self._most_bytes = (
            None
            if hold.request.body.get("logprobs")
            else BYTES_PER_ANSWER + BYTES_PER_TOKEN * hold.max_output * hold.answers
        )

    def progress(self, received: int) -> bool:
        """False where far more arrives than the output cap allows."""
        return self._most_bytes is None or received <= self._most_bytes

    def finish(self, outcome: Outcome) -> None:
        """Settle the hold. Where that fails it stays held, which counts its worst case."""
        self.settled = True
        late.settle(self._store, partial(self._settle, outcome))

    def _settle(self, outcome: Outcome) -> None:
        charge = charges.settle(self._store, self._hold, outcome)
        self.cash_nano = charge["cash_nano"] if charge else 0


@asynccontextmanager
async def attempt_gate(
    request: Request, route: Route, store: Store, settings: Settings, against: Against | None
) -> AsyncIterator[AttemptGate]:
    """Guard one attempt. Raises Refused where a limit or an unknown price forbids it."""
    if not route.entry.paid:
        yield FreeGate(request, route, store, against)
        return
    gate = await _paid(request, route, store, settings)
    try:
        yield gate
    finally:
        # Core settles what it sent and what it gave up before; this is neither.
        if not gate.settled:
            await to_the_end(gate.finish, Outcome("killed"))


async def _paid(request: Request, route: Route, store: Store, settings: Settings) -> PaidGate:
    most = bounds.max_input(request) if route.entry.long_prompt else 0
    price = price_of(route.entry, most)
    if price is None:
        raise refusals.no_price(route, most)
    if not price.worst(1, 1):
        raise _no_cost(route.alias)
    call = holds.worst_case(request, route, price)
    if request.kind not in SHORT:
        outlook.remember(store, request.session, route.alias, call)
    notices: list[str] = []
    found = await _awaited(store, settings, request, route, call, notices)
    if found.hold.max_output < call.max_output and found.tightest:
        notices.append(
            f"the answer may have {found.hold.max_output:,} tokens at most:"
            f" there is no room for more in the {refusals.name(found.tightest.limit)}"
        )
    return PaidGate(found.hold, store, notices)


async def _awaited(
    store: Store,
    settings: Settings,
    request: Request,
    route: Route,
    call: Call,
    notices: list[str],
) -> Admitted:
    """Admission, waited for as long as other calls' holds alone are in the way."""
    # Short calls that finish what is under way are answered for free instead of waiting.
    patience_s = 0 if request.kind in SHORT else settings.limits.wait_s
    began = time.monotonic()
    with ExitStack() as waiting:
        while True:
            patient = time.monotonic() - began < patience_s
            found = await _admitted(store, settings, request, route, call, patient)
            if isinstance(found, Admitted):
                return found
            if not notices:
                name = refusals.name(found.limit)
                notices.append(f"waited for other calls: they held the {name}")
                waiting.enter_context(outlook.waiting(store, found.limit))
            await asyncio.sleep(LOOK_AGAIN_S)


async def _admitted(
    store: Store, settings: Settings, request: Request, route: Route, call: Call, patient: bool
) -> Admitted | Standing:
    """Ask for admission; a hold that was placed is voided where the caller cannot use it."""
    placed: list[Hold] = []
    found: list[Admitted | Standing] = []

    def work() -> None:
        asked = store, settings, request, route, call, patient
        found.append(admission.admit(*asked, placed.append))

    try:
        await to_the_end(work)
    except BaseException:
        for hold in placed:
            back = partial(charges.settle, store, hold, Outcome("killed", sent=False))
            await to_the_end(late.settle, store, back)
        raise
    return found[0]


def _no_cost(alias: str) -> Refused:
    return Refused(
        f"`{alias}` is a paid model whose price is 0, which no limit could hold",
        "ask",
        "price",
        f"set its price, or `billing: free` if `{alias}` costs nothing",
    )
