"""What a session's end says about money."""

from __future__ import annotations

import asyncio
from typing import Any

from lodestar.modules.usage_tracker import charges
from lodestar.modules.usage_tracker.charges import Against
from lodestar.modules.usage_tracker.gate import attempt_gate
from lodestar.modules.usage_tracker.plugin import session_event
from lodestar.modules.usage_tracker.prices import Price
from lodestar.modules.usage_tracker.tests.test_gate import through
from lodestar.settings import Settings
from lodestar.store.store import Store
from tests.fakes.values import FREE, PAID, a_request, a_route, reported, unreported

SONNET: Against = ("claude-sonnet", Price(3_000, 15_000))


def lines(store: Store, session: str = "S1") -> list[Any] | None:
    """What the summary says."""
    return session_event(session, {"type": "finished"}, store, Settings())


def free(store: Store, input: int, output: int, against: Against | None = SONNET) -> None:
    """One free call that is compared with a paid model."""

    async def run() -> None:
        what = (a_request(), a_route("local", **FREE), store, Settings(), against)
        async with attempt_gate(*what) as gate:
            gate.finish(reported(input, output))

    asyncio.run(run())


def test_a_session_without_calls_says_nothing(store: Store) -> None:
    assert lines(store) == []


def test_a_free_session_spent_nothing(store: Store) -> None:
    through(store, reported(12_000, 345), a_route("local", **FREE))
    assert lines(store) == ["spent nothing"]


def test_a_free_session_says_what_it_avoided(store: Store) -> None:
    free(store, 1000, 400)
    free(store, 100, 200)
    free(store, 10_000_000, 0, None)
    assert lines(store) == ["spent nothing; at claude-sonnet's prices it would have been $0.0123"]


def test_a_comparison_at_no_price_is_left_out(store: Store) -> None:
    free(store, 1000, 400, ("gift", Price(0, 0)))
    assert lines(store) == ["spent nothing"]


def test_what_was_avoided_is_told_beside_what_was_paid_and_never_added(store: Store) -> None:
    free(store, 1000, 400)
    through(store, reported(100, 10))
    assert lines(store) == [
        "spent $0.0005",
        "at claude-sonnet's prices the free work would have been $0.0090",
    ]


def test_money_and_worst_cases_are_named(store: Store) -> None:
    through(store, reported(100, 10))
    through(store, unreported())
    spent, assumed = lines(store) or []
    assert spent == "spent $0.0159"
    assert "$0.0155 is a worst case" in assumed


def test_another_session_is_not_counted(store: Store) -> None:
    through(store, reported(100, 10), a_route(**PAID), a_request(session="other"))
    assert lines(store) == []


def test_other_events_have_no_lines(store: Store) -> None:
    charges.sweep_orphans(store)
    assert session_event("S1", {"type": "notice"}, store, Settings()) is None
