"""Holds and charges for tests that need one but not a particular one."""

from __future__ import annotations

import asyncio
from typing import Any

from lodestar.exchange import Outcome, Request
from lodestar.modules.usage_tracker import admission, holds
from lodestar.modules.usage_tracker.gate import attempt_gate
from lodestar.modules.usage_tracker.holds import Hold
from lodestar.modules.usage_tracker.prices import price_of
from lodestar.settings import Limits, Settings
from lodestar.store.store import Store
from tests.fakes.values import PAID, a_request, a_route

HELLO_INPUT = 16 + 64 + len("modelmmessagesroleusercontenthello")
"""The most input tokens of `a_request()`."""
WORST = HELLO_INPUT * 3_750 + 1000 * 15_000
"""The worst case of `a_request()` on the paid route, nano-dollars: all of it written to a cache."""


def limited(**limits: Any) -> Settings:
    """Settings with these limits and no waiting, unless `wait_s` says otherwise."""
    return Settings(limits=Limits(**{"wait_s": 0, **limits}))


def a_hold(store: Store, settings: Settings | None = None, request: Request | None = None) -> Hold:
    """A hold of this process on the paid route. Raises Refused."""
    request, route = request or a_request(), a_route(**PAID)
    price = price_of(route.entry)
    assert price
    call = holds.worst_case(request, route, price)
    found = admission.admit(store, settings or Settings(), request, route, call, False)
    assert isinstance(found, admission.Admitted)
    return found.hold


def spend(
    store: Store,
    outcome: Outcome,
    settings: Settings | None = None,
    request: Request | None = None,
    **entry: Any,
) -> Any:
    """One attempt on the paid route that ends so; returns its gate. Raises Refused."""

    async def run() -> Any:
        what = (request or a_request(), a_route(**{**PAID, **entry}), store)
        async with attempt_gate(*what, settings or Settings(), None) as gate:
            gate.finish(outcome)
            return gate

    return asyncio.run(run())
