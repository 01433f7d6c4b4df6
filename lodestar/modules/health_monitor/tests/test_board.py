"""Routes that are left out go behind the others, and a request asks no database about it."""

from __future__ import annotations

from typing import Any

import pytest

from lodestar.exchange import Exchange, Outcome, Route
from lodestar.modules.health_monitor.board import Board, Turn
from lodestar.modules.health_monitor.judge import Verdict, verdict
from lodestar.modules.health_monitor.monitor import monitor_of
from lodestar.modules.health_monitor.plugin import order_routes
from lodestar.modules.health_monitor.servers import Upstream, place, server_of, upstream_of
from lodestar.settings import ModelEntry, RoutingSettings, Settings
from lodestar.store.store import Store
from tests.fakes.values import a_request, a_route

SETTINGS = RoutingSettings(breaker_failures=3, breaker_s=30)
WELL, GONE, BAD = Verdict(True, True), Verdict(False, False), Verdict(False, True)


def route(alias: str, host: str = "one", model: str | None = None) -> Route:
    return a_route(alias, model=model or alias, api_base=f"http://{host}:8000/v1")


def names(routes: Any) -> list[str]:
    return [one.alias for one in routes]


def failed(board: Board, one: Route, found: Verdict, times: int = 3, at: int = 1_000) -> list[Turn]:
    return [t for _ in range(times) for t in board.call(upstream_of(one.entry), found, at)]


def test_an_open_one_goes_behind_and_nothing_is_dropped() -> None:
    board, routes = Board(SETTINGS), [route("a", "x"), route("b", "y"), route("c", "z")]
    assert names(board.order(routes, 1_000)) == ["a", "b", "c"]
    failed(board, routes[0], BAD)
    assert names(board.order(routes, 1_000)) == ["b", "c", "a"]
    failed(board, routes[1], BAD)
    failed(board, routes[2], BAD)
    assert names(board.order(routes, 1_000)) == ["a", "b", "c"], "if all are open, as it was"


def test_once_its_time_is_up_one_request_tries_and_the_others_go_round() -> None:
    board, routes = Board(SETTINGS), [route("a", "x"), route("b", "y")]
    failed(board, routes[0], BAD)
    assert names(board.order(routes, 31_000)) == ["a", "b"]
    assert names(board.order(routes, 31_001)) == ["b", "a"]
    assert names(board.order(routes, 31_002)) == ["b", "a"]


def test_a_half_open_one_that_is_not_first_is_not_taken_for_tried() -> None:
    board, routes = Board(SETTINGS), [route("a", "x"), route("b", "y")]
    failed(board, routes[1], BAD)
    assert names(board.order(routes, 31_000)) == ["a", "b"]
    assert names(board.order(routes[::-1], 31_001)) == ["b", "a"], "its trial is still to come"


def test_a_server_that_is_gone_takes_all_its_models_with_it() -> None:
    board = Board(SETTINGS)
    routes = [route("a"), route("b"), route("c", "elsewhere")]
    turns = failed(board, routes[0], GONE)
    assert turns == [Turn("one:8000", True)]
    assert names(board.order(routes, 1_000)) == ["c", "a", "b"]
    assert board.probe("one:8000", True, 2_000) == [Turn("one:8000", False)]
    assert names(board.order(routes, 2_000)) == ["a", "b", "c"]


def test_a_model_that_fails_at_a_server_that_is_there_fails_alone() -> None:
    board, routes = Board(SETTINGS), [route("a"), route("b")]
    failed(board, routes[0], BAD)
    assert names(board.order(routes, 1_000)) == ["b", "a"]
    board.probe("one:8000", True, 2_000)
    assert names(board.order(routes, 2_000)) == ["b", "a"], "a probe says nothing of the model"
    assert board.troubled_models() == [Upstream("one:8000", "a")]


@pytest.mark.parametrize(
    ("status", "http", "error", "expected"),
    [
        ("ok", 200, None, WELL),
        ("error", 500, "HTTP 500", BAD),
        ("error", 429, "slow down", BAD),
        ("error", 401, "who are you?", BAD),
        ("error", 400, "too long", WELL),
        ("error", 413, "too long", WELL),
        ("error", 422, "too long", WELL),
        ("error", 200, "half an answer", BAD),
        ("error", None, "cannot connect: Connection refused", GONE),
        ("error", None, "the connection broke: reset", GONE),
        ("error", None, "its answer is not valid HTTP", GONE),
        ("error", None, "it took too long to answer", Verdict(False, None)),
        ("error", None, "there is no key for `x`; $X is not set", None),
        ("error", None, "/home/u/keys.yaml is not used; others have rights on it", None),
        ("aborted", None, None, None),
        ("refused", None, "limit", None),
        ("killed", None, None, None),
    ],
)
def test_the_end_of_a_call_speaks_of_the_server_the_model_or_neither(
    status: str, http: int | None, error: str | None, expected: Verdict | None
) -> None:
    assert verdict(status, http, error) == expected


@pytest.mark.parametrize(
    ("fields", "server"),
    [
        ({"provider": "engine", "model": "demo", "billing": "local"}, "engine"),
        ({"provider": "openai", "api_base": "https://api.x.ai/v1"}, "api.x.ai"),
        ({"provider": "openai", "api_base": "https://API.x.ai:443/v1"}, "api.x.ai"),
        ({"provider": "openai", "api_base": "http://u:p@10.0.0.1:8080/v1"}, "10.0.0.1:8080"),
        ({"provider": "openai", "api_base": "http://[::1]:8080/v1"}, "127.0.0.1:8080"),
        ({"provider": "litellm", "model": "anthropic/claude"}, "anthropic"),
    ],
)
def test_a_server_has_one_name(fields: dict[str, Any], server: str) -> None:
    assert server_of(ModelEntry(**{"model": "m", **fields})) == server


def test_an_address_that_is_none_is_no_crash() -> None:
    assert place("http://[half") == "unknown"


def test_ordering_makes_no_query(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    monitor = monitor_of(store, settings)
    routes = [route("a", "x"), route("b", "y")]
    down = Outcome("error", 500, error="HTTP 500")
    seen: list[str] = []
    with store.read() as connection:
        connection.set_trace_callback(seen.append)
        for _ in range(3):
            monitor.finished(Exchange(a_request(), routes[0], down, 1))
        assert names(order_routes(routes, store, settings)) == ["b", "a"]
        assert names(order_routes(routes[:1], store, settings)) == ["a"]
    assert seen == []
