"""A real shim goes round what is sick, says so, and comes back to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.shim_client import Shim, config, wait_for
from tests.fakes.upstream import Upstream

BREAKER_S = 5


@pytest.fixture
def servers() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream() as first, Upstream(text="Hello from the second.") as second:
        yield first, second


@pytest.fixture
def shim(servers: tuple[Upstream, Upstream], tmp_path: Path) -> Iterator[Shim]:
    first, second = servers
    entry = {"provider": "openai", "model": "fake-model", "billing": "free"}
    models = {
        "first": {**entry, "api_base": first.url, "fallbacks": ["second"]},
        "second": {**entry, "api_base": second.url},
    }
    routing = {"breaker_failures": 3, "breaker_s": BREAKER_S, "retries": 0}
    modules = {"health_monitor": {"probe_s": 1}}
    settings = {"main": "first", "weak": "first", "models": models, "routing": routing}
    settings |= {"modules": modules}
    config(tmp_path, json.dumps(settings))
    with Shim(tmp_path, env={"LODESTAR_HOME": str(tmp_path)}, limits={"tick_s": 0.2}) as running:
        yield running


def notices(shim: Shim) -> list[str]:
    _, _, body = shim.request("GET", "/lodestar/v1/poll?after=0")
    found: list[dict[str, Any]] = json.loads(body)["notices"]
    return [one["text"] for one in found]


def test_after_three_failures_the_next_request_goes_round_and_later_one_comes_back(
    shim: Shim, servers: tuple[Upstream, Upstream]
) -> None:
    first, second = servers
    first.script(*["500"] * 3)
    for _ in range(3):
        assert shim.chat("first")[0] == 200
    assert (len(first.chats), len(second.chats)) == (3, 3)
    place = f"127.0.0.1:{first.port}"
    wait_for(lambda: any(f"fake-model at {place} failed 3 times" in n for n in notices(shim)))
    assert shim.chat("first")[0] == 200
    assert (len(first.chats), len(second.chats)) == (3, 4), "the sick one was not asked"

    def comes_back() -> bool:
        return shim.chat("first")[0] == 200 and len(first.chats) > 3

    wait_for(comes_back, BREAKER_S * 6)
    wait_for(lambda: f"fake-model at {place} answers again" in notices(shim))
    asked = len(first.chats)
    assert shim.chat("first")[0] == 200
    assert len(first.chats) == asked + 1


def test_a_request_right_after_the_failure_goes_round_the_sick_server(
    shim: Shim, servers: tuple[Upstream, Upstream]
) -> None:
    """Its client has the answer before that is recorded, and the modules are told later still."""
    first, second = servers
    first.script(*["500"] * 3)
    assert [shim.chat("first")[0] for _ in range(4)] == [200] * 4
    assert (len(first.chats), len(second.chats)) == (3, 4)


def test_free_servers_are_probed_besides_the_requests(
    shim: Shim, servers: tuple[Upstream, Upstream]
) -> None:
    for server in servers:
        wait_for(lambda server=server: [r for r in server.requests if r.path == "/v1/models"])
    wait_for(lambda: len(shim.rows("SELECT 1 FROM health_samples WHERE source = 'probe'")) == 2)
    rows = shim.rows("SELECT DISTINCT ok, alias, model FROM health_samples")
    assert rows == [{"ok": 1, "alias": "", "model": None}]
