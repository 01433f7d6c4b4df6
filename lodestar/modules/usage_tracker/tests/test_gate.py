"""No paid call without a hold, and exactly one charge for each hold that was used."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
from typing import Any

import pytest

from lodestar.exchange import Outcome, Request, Route, Usage
from lodestar.hookspecs import Refused
from lodestar.modules.usage_tracker.gate import attempt_gate
from lodestar.modules.usage_tracker.prices import Price
from lodestar.settings import Settings
from lodestar.store.store import Store
from tests.fakes.values import FREE, PAID, UNPRICED, a_request, a_route, reported, unreported

HELLO_INPUT = 16 + 64 + len("modelmmessagesroleusercontenthello")
HELLO_WORST = HELLO_INPUT * 3_750 + 1000 * 15_000


def through(
    store: Store, outcome: Outcome, route: Route | None = None, request: Request | None = None
) -> Any:
    """Open a gate, settle it with `outcome`; returns the gate."""

    async def run() -> Any:
        chosen = route or a_route(**PAID)
        async with attempt_gate(request or a_request(), chosen, store, Settings(), None) as gate:
            gate.finish(outcome)
            return gate

    return asyncio.run(run())


def hold(store: Store) -> sqlite3.Row:
    (row,) = store.rows("SELECT * FROM holds")
    return row


def charge(store: Store) -> sqlite3.Row:
    (row,) = store.rows("SELECT * FROM charges")
    return row


def test_a_free_route_passes_without_a_hold_and_its_tokens_are_kept(store: Store) -> None:
    gate = through(store, reported(120, 30), a_route("local", **FREE))
    assert gate.max_output is None
    assert gate.progress(10**9)
    assert not store.rows("SELECT * FROM holds")
    row = charge(store)
    assert (row["cash_nano"], row["input_tokens"], row["output_tokens"]) == (0, 120, 30)
    assert row["list_nano"] is None
    assert row["avoided_nano"] is None


def test_a_free_route_shows_its_own_list_price_and_what_the_other_model_would_cost(
    store: Store,
) -> None:
    async def run() -> None:
        route = a_route("free", **FREE, price_in="1", price_out="2")
        against = ("paid", Price(3_000, 15_000))
        async with attempt_gate(a_request(), route, store, Settings(), against) as gate:
            gate.finish(reported(100, 10))

    asyncio.run(run())
    row = charge(store)
    assert (row["cash_nano"], row["list_nano"], row["avoided_nano"]) == (0, 120_000, 450_000)
    assert row["avoided_alias"] == "paid"


def test_a_free_call_that_was_never_sent_leaves_no_charge(store: Store) -> None:
    through(store, Outcome("error", sent=False), a_route("local", **FREE))
    assert not store.rows("SELECT * FROM charges")


def test_a_paid_route_without_a_price_is_refused_and_nothing_is_held(store: Store) -> None:
    with pytest.raises(Refused) as refused:
        through(store, unreported(), a_route("mystery", **UNPRICED))
    assert "mystery" in str(refused.value)
    assert "price_in" in refused.value.remedy
    assert not store.rows("SELECT * FROM holds")


def test_a_paid_route_whose_price_is_nothing_is_refused_since_no_limit_could_hold_it(
    store: Store,
) -> None:
    route = a_route("odd", billing="payg", price_in="0", price_out="0")
    with pytest.raises(Refused, match="price is 0") as refused:
        through(store, unreported(), route)
    assert "billing: free" in refused.value.remedy
    assert not store.rows("SELECT * FROM holds")


def test_the_hold_is_committed_and_covers_the_worst_case_before_the_gate_opens(
    store: Store,
) -> None:
    async def run() -> None:
        async with attempt_gate(a_request(), a_route(**PAID), store, Settings(), None) as gate:
            with Store.open(store.path) as other:
                (row,) = other.rows("SELECT * FROM holds")
            assert (row["state"], row["amount_nano"]) == ("held", HELLO_WORST)
            assert gate.max_output == 1000
            gate.finish(unreported())

    asyncio.run(run())


def test_what_the_provider_reports_is_what_is_charged(store: Store) -> None:
    through(store, reported(100, 10))
    row = charge(store)
    assert hold(store)["state"] == "posted"
    assert row["cash_nano"] == 100 * 3_000 + 10 * 15_000
    assert (row["list_nano"], row["avoided_nano"]) == (row["cash_nano"], 0)
    assert row["usage_source"] == "provider"
    assert row["hold_id"] == hold(store)["id"]


@pytest.mark.parametrize(
    "outcome",
    [
        unreported(),
        Outcome("error", 500),
        Outcome("error", 408),
        Outcome("aborted"),
        Outcome("ok", 200, Usage(None, 10, source="provider")),
        Outcome("ok", 200, Usage(-5, 10, source="provider")),
        Outcome("error", 200, Usage(100, 3, source="provider")),
        Outcome("ok", 200, Usage(10**12, 10, source="provider")),
    ],
)
def test_without_usable_usage_the_worst_case_is_charged(store: Store, outcome: Outcome) -> None:
    through(store, outcome)
    assert hold(store)["state"] == "posted"
    assert (charge(store)["cash_nano"], charge(store)["usage_source"]) == (
        HELLO_WORST,
        "worst_case",
    )


def test_reasoning_that_is_only_in_the_total_is_charged(store: Store) -> None:
    usage = Usage(100, 10, source="provider", raw={"total_tokens": 160})
    through(store, Outcome("ok", 200, usage))
    assert charge(store)["cash_nano"] == 100 * 3_000 + 60 * 15_000


def test_a_cost_above_the_worst_case_is_charged_in_full(store: Store) -> None:
    through(store, reported(2 * HELLO_INPUT, 2000))
    assert charge(store)["cash_nano"] == 2 * (HELLO_INPUT * 3_000 + 1000 * 15_000) > HELLO_WORST


@pytest.mark.parametrize(
    "outcome", [Outcome("error", sent=False), Outcome("error", 401), Outcome("error", 429)]
)
def test_nothing_is_charged_where_the_provider_did_nothing(store: Store, outcome: Outcome) -> None:
    through(store, outcome)
    assert hold(store)["state"] == "voided"
    assert not store.rows("SELECT * FROM charges")


def test_settling_twice_charges_once(store: Store) -> None:
    async def run() -> None:
        async with attempt_gate(a_request(), a_route(**PAID), store, Settings(), None) as gate:
            gate.finish(reported(100, 10))
            gate.finish(unreported())

    asyncio.run(run())
    assert charge(store)["usage_source"] == "provider"


def test_an_attempt_that_breaks_off_without_settling_is_charged_at_its_worst(
    store: Store,
) -> None:
    async def run() -> None:
        async with attempt_gate(a_request(), a_route(**PAID), store, Settings(), None):
            raise ValueError("the shim broke")

    with pytest.raises(ValueError, match="broke"):
        asyncio.run(run())
    assert charge(store)["cash_nano"] == HELLO_WORST


def test_a_cancelled_opening_leaves_no_open_hold(store: Store) -> None:
    async def run() -> None:
        locked, release = threading.Event(), threading.Event()

        def keep_the_lock() -> None:
            with store.write():
                locked.set()
                release.wait(10)

        holder = asyncio.create_task(asyncio.to_thread(keep_the_lock))
        await asyncio.to_thread(locked.wait, 10)
        task = asyncio.create_task(_enter(store))
        await asyncio.sleep(0)
        task.cancel()
        task.get_loop().call_later(0.05, release.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        await holder

    asyncio.run(run())
    assert not store.rows("SELECT * FROM holds WHERE state = 'held'")
    assert not store.rows("SELECT * FROM charges")


async def _enter(store: Store) -> None:
    async with attempt_gate(a_request(), a_route(**PAID), store, Settings(), None):
        raise AssertionError("must not open")


def test_a_paid_gate_stays_closed_where_the_database_fails(store: Store) -> None:
    with store.write() as connection:
        connection.execute("DROP TABLE charges")
        connection.execute("DROP TABLE holds")
    with pytest.raises(sqlite3.Error):
        through(store, unreported())


def test_a_free_answer_stands_where_the_database_fails(store: Store) -> None:
    with store.write() as connection:
        connection.execute("DROP TABLE charges")
    through(store, reported(1, 1), a_route("local", **FREE))


def test_a_failing_settlement_leaves_the_worst_case_held(store: Store) -> None:
    async def run() -> None:
        async with attempt_gate(a_request(), a_route(**PAID), store, Settings(), None) as gate:
            with store.write() as connection:
                connection.execute("DROP TABLE charges")
            gate.finish(unreported())

    asyncio.run(run())
    assert hold(store)["state"] == "held"


def test_a_server_that_ignores_the_cap_is_cut_off(store: Store) -> None:
    gate = through(store, unreported())
    assert gate.progress(1000 * 300)
    assert not gate.progress(1000 * 5_000)


def test_many_attempts_at_once_leave_one_charge_for_each_used_hold(store: Store) -> None:
    ends = [reported(10, 10), unreported(), Outcome("error", sent=False), Outcome("error", 500)]
    chosen = random.Random(7).choices(ends, k=60)

    async def one(outcome: Outcome) -> None:
        async with attempt_gate(a_request(), a_route(**PAID), store, Settings(), None) as gate:
            gate.finish(outcome)

    async def run() -> None:
        await asyncio.gather(*map(one, chosen))

    asyncio.run(run())
    states = {row["state"] for row in store.rows("SELECT state FROM holds")}
    assert states == {"posted", "voided"}
    wrong = store.rows(
        "SELECT holds.id FROM holds LEFT JOIN charges ON charges.hold_id = holds.id GROUP BY"
        " holds.id HAVING count(charges.id) != (holds.state IN ('posted', 'orphan'))"
    )
    assert not wrong
    assert len(store.rows("SELECT * FROM charges")) == sum(1 for e in chosen if e.sent)
