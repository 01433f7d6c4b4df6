"""What a session's end says about money."""

from __future__ import annotations

from lodestar.modules.usage_tracker import charges
from lodestar.modules.usage_tracker.plugin import session_event
from lodestar.modules.usage_tracker.tests.test_gate import through
from lodestar.store.store import Store
from tests.fakes.values import FREE, PAID, a_request, a_route, reported, unreported

FINISHED = {"type": "finished"}


def test_a_session_without_calls_says_nothing(store: Store) -> None:
    assert session_event("S1", FINISHED, store) == []


def test_a_free_session_spent_nothing(store: Store) -> None:
    through(store, reported(12_000, 345), a_route("local", **FREE))
    assert session_event("S1", FINISHED, store) == ["spent nothing"]


def test_money_and_worst_cases_are_named(store: Store) -> None:
    through(store, reported(100, 10))
    through(store, unreported())
    spent, assumed = session_event("S1", FINISHED, store) or []
    assert spent == "spent $0.0158"
    assert "$0.0154 is a worst case" in assumed


def test_another_session_is_not_counted(store: Store) -> None:
    through(store, reported(100, 10), a_route(**PAID), a_request(session="other"))
    assert session_event("S1", FINISHED, store) == []


def test_other_events_have_no_lines(store: Store) -> None:
    charges.sweep_orphans(store)
    assert session_event("S1", {"type": "tick"}, store) is None
