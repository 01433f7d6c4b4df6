"""Health is read off the attempts that really happened."""

from __future__ import annotations

import pytest

from lodestar.clock import now_ms
from lodestar.exchange import Exchange, Outcome, Status
from lodestar.ids import new_id
from lodestar.modules.health_monitor import samples
from lodestar.modules.health_monitor.checks import failing_models
from lodestar.modules.health_monitor.plugin import exchange_finished, order_routes, session_event
from lodestar.store import exchanges
from lodestar.store.store import Store
from tests.fakes.values import a_request, a_route

OK = Outcome("ok", 200, ttft_ms=12, duration_ms=34)
DOWN = Outcome("error", 500, error="HTTP 500: overloaded", duration_ms=5)


def happen(store: Store, *attempts: tuple[str, Outcome], session: str | None = None) -> None:
    """One exchange whose attempts ended as given; the last one is its outcome."""
    request = a_request(session=session)
    exchanges.open_exchange(store, request, [])
    for number, (alias, outcome) in enumerate(attempts, 1):
        attempt = new_id()
        exchanges.open_attempt(store, attempt, request, a_route(alias), number)
        exchanges.close_attempt(store, attempt, outcome)
    alias, outcome = attempts[-1]
    exchange = Exchange(request, a_route(alias), outcome, len(attempts))
    exchanges.close_exchange(store, exchange, [])
    exchange_finished(exchange, store)


@pytest.fixture
def session(store: Store) -> str:
    with store.write() as connection:
        connection.execute(
            "INSERT INTO sessions(id, machine_id, profile, started_ms) VALUES ('S', 'M', 'p', 1)"
        )
    return "S"


def test_each_attempt_is_a_sample_also_the_one_that_was_replaced(store: Store) -> None:
    happen(store, ("first", DOWN), ("second", OK))
    rows = store.rows("SELECT * FROM health_samples ORDER BY id")
    seen = [(r["alias"], r["ok"], r["http_status"], r["duration_ms"]) for r in rows]
    assert seen == [("first", 0, 500, 5), ("second", 1, 200, 34)]
    assert (rows[0]["error"], rows[1]["ttft_ms"]) == ("HTTP 500: overloaded", 12)


@pytest.mark.parametrize("status", ["aborted", "refused", "killed"])
def test_a_call_that_we_ended_is_no_sample(store: Store, status: Status) -> None:
    happen(store, ("m", Outcome(status)))
    assert not store.rows("SELECT * FROM health_samples")


def test_a_request_that_was_wrong_does_not_count_against_the_model(store: Store) -> None:
    for _ in range(3):
        happen(store, ("m", Outcome("error", 400, error="too long")))
    assert not samples.sick(store, "m")


def test_three_failures_in_a_row_put_a_route_last(store: Store) -> None:
    routes = [a_route("bad"), a_route("good"), a_route("other")]
    for _ in range(2):
        happen(store, ("bad", DOWN))
    assert [r.alias for r in order_routes(routes, store)] == ["bad", "good", "other"]
    happen(store, ("bad", DOWN))
    assert [r.alias for r in order_routes(routes, store)] == ["good", "other", "bad"]


def test_the_only_route_stays(store: Store) -> None:
    for _ in range(5):
        happen(store, ("bad", DOWN))
    assert [r.alias for r in order_routes([a_route("bad")], store)] == ["bad"]


def test_one_success_makes_a_model_well_again(store: Store) -> None:
    for outcome in (DOWN, DOWN, DOWN, OK):
        happen(store, ("m", outcome))
    assert not samples.sick(store, "m")


def test_failures_older_than_a_minute_are_forgiven(store: Store) -> None:
    for _ in range(3):
        happen(store, ("m", DOWN))
    assert samples.sick(store, "m", now_ms())
    assert not samples.sick(store, "m", now_ms() + 61_000)


def test_the_summary_counts_what_failed_and_says_why(store: Store, session: str) -> None:
    happen(store, ("m", OK), session=session)
    happen(store, ("m", DOWN), session=session)
    happen(store, ("m", DOWN), session=session)
    lines = session_event(session, {"type": "finished"}, store)
    assert lines == ["2 of 3 requests failed: m: HTTP 500: overloaded"]


def test_a_session_without_failures_says_nothing(store: Store, session: str) -> None:
    happen(store, ("m", OK), session=session)
    assert session_event(session, {"type": "finished"}, store) is None


def test_a_long_reason_is_cut_to_one_line(store: Store, session: str) -> None:
    happen(store, ("m", Outcome("error", 502, error="x\ny " * 200)), session=session)
    (line,) = session_event(session, {"type": "finished"}, store) or []
    assert len(line) < 200
    assert "\n" not in line


def test_doctor_names_the_models_that_only_fail(store: Store) -> None:
    assert failing_models(store) is None
    for _ in range(3):
        happen(store, ("bad", DOWN))
        happen(store, ("good", OK))
    assert failing_models(store) == "the last calls of bad all failed"
