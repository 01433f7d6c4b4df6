"""Each kind of upstream fails in each way: the right model answers, and the right sum is charged.

A second model is next; what the first one cost is charged at its worst wherever it may have worked.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.chaos import Chaos
from tests.fakes.faulty_kinds import FaultyKind
from tests.fakes.invariants import check_ended
from tests.fakes.shim_client import events, wait_for
from tests.fakes.upstream import Upstream
from tests.shim.routed import PRICES, Routed

STATUS = "/lodestar/v1/status"
KINDS = ["openai", "openai-paid", "ollama", "engine", "translator"]
LIMITS = {"first_s": 6, "stall_s": 0.4, "tail_s": 0.2}
BEFORE = {"rst": 1, "halfclose": 1, "garbage": 1, "429": 2, "500": 2, "overloaded": 2,
          "stall_at_first": 1}  # fmt: skip
"""Faults before the first byte, and how often the upstream is asked: twice where it may pass."""
LATER = ["rst_later", "stall_later", "garbage_later"]
GOOD = 11 * 3000 + 7 * 15000
"""What the second model's answer costs where it is paid, nano-dollars."""


@dataclass(frozen=True)
class Place:
    """A shim whose model `first` fails, and `next` does not."""

    shim: Routed
    upstream: FaultyKind
    paid: bool

    def holds(self) -> list[dict[str, Any]]:
        """The holds of the newest exchange with their charges, once all is settled."""
        self.shim.wait_row("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM holds WHERE state = 'held')")
        return self.shim.rows(
            "SELECT h.state, h.amount_nano, c.cash_nano, c.usage_source FROM holds h"
            " LEFT JOIN charges c ON c.hold_id = h.id"
            " WHERE h.exchange_id = (SELECT max(id) FROM exchanges) ORDER BY h.id"
        )


@pytest.fixture(scope="module")
def well() -> Iterator[Upstream]:
    with Upstream(text="All is well.") as server:
        yield server


@pytest.fixture(scope="module", params=KINDS)
def place(
    request: pytest.FixtureRequest, well: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    home: Path = tmp_path_factory.mktemp("home")
    paid = request.param in ("openai-paid", "translator")
    price = {**PRICES, "tier": 3} if paid else {"billing": "free"}
    following = {"provider": "openai", "model": "f", "api_base": well.url, **price}
    with FaultyKind(request.param, home) as upstream, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAULTY_KEY", "sk-ant-planted-0123456789")
        models = {"first": upstream.entry(fallbacks=["next"]), "next": following}
        routing = {"retries": 1}
        with Routed(home, models, limits=LIMITS, weak="next", routing=routing) as shim:
            yield Place(shim, upstream, paid)


@pytest.fixture
def recovered(place: Place) -> Place:
    """The place after an answer that was good: a failing upstream would get one try only."""
    place.upstream.fail_by("good")
    assert place.shim.served("first", stream=True) == "first"
    assert place.shim.tried()[-1][2] == "ok"
    # Its end is on record a moment before it counts as one.
    wait_for(lambda: json.loads(place.shim.request("GET", STATUS)[2])["in_flight"] == 0)
    return place


@pytest.mark.parametrize("mode", BEFORE)
def test_before_its_first_byte_a_fault_is_answered_by_the_next_model(
    recovered: Place, mode: str
) -> None:
    shim, upstream, tries = recovered.shim, recovered.upstream, BEFORE[mode]
    upstream.fail_by(mode)
    status, headers, body = shim.chat("first", stream=True)
    assert (status, headers["X-Lodestar-Model"]) == (200, "next")
    assert events(body)[-1] == "[DONE]"
    asked = [("first", "you asked", "error")] * tries
    assert shim.tried() == [*asked, ("next", "fallback of first", "ok")]
    assert upstream.requests == tries
    if mode == "429":
        first, again = upstream.asked_at[-2:]
        assert again - first >= 1, "its Retry-After is a second"
    *failed, last = recovered.holds() or [None]
    if not recovered.paid:
        assert (failed, last) == ([], None)
        return
    assert (last["state"], last["cash_nano"], last["usage_source"]) == ("posted", GOOD, "provider")
    # Turned away costs nothing; where it may have worked, the worst case is charged, each time.
    state = "voided" if mode == "429" else "posted"
    assert [row["state"] for row in failed] == [state] * tries
    assert all(row["cash_nano"] in (None, row["amount_nano"]) for row in failed)


@pytest.mark.parametrize("mode", LATER)
def test_after_its_first_byte_a_fault_breaks_the_answer_and_the_resend_is_the_next_models(
    recovered: Place, mode: str
) -> None:
    shim, upstream = recovered.shim, recovered.upstream
    upstream.fail_by(mode)
    upstream.pause_s = 0.2
    messages = [{"role": "user", "content": f"break by {mode}"}]
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        shim.chat("first", stream=True, messages=messages)
    assert shim.tried() == [("first", "you asked", "error")]
    if recovered.paid:
        (row,) = recovered.holds()
        assert (row["state"], row["cash_nano"]) == ("posted", row["amount_nano"])
    assert shim.served("first", stream=True, messages=messages) == "next"
    assert shim.tried() == [("next", "fallback of first", "ok")]
    assert upstream.requests == 1


def test_a_slow_first_byte_is_no_fault(recovered: Place) -> None:
    recovered.upstream.fail_by("slow")
    recovered.upstream.pause_s = 0.3
    assert recovered.shim.served("first", stream=True) == "first"
    assert recovered.shim.tried() == [("first", "you asked", "ok")]


def test_in_a_storm_everybody_is_answered_and_the_ledger_has_what_the_provider_billed(
    well: Upstream, tmp_path: Path
) -> None:
    """The provider writes down the truth before it fails; each try is billed by itself."""
    modes = ["500", "503", "408", "429", "rst", "cut", "halfclose", "cl_short", "html", "404"]
    with Chaos(tmp_path, "--most", "200") as chaos:
        paid = {"provider": "openai", "model": "gpt-4o", "max_output": 200, **PRICES, "tier": 3}
        models = {
            "first": {**paid, "api_base": chaos.url, "fallbacks": ["free"]},
            "free": {"provider": "openai", "model": "f", "billing": "free", "api_base": well.url},
        }
        home = tmp_path / "home"
        routing = {"retries": 1}
        with Routed(home, models, limits=LIMITS, weak="free", routing=routing) as shim:
            for mode in modes:
                messages = [{"role": "user", "content": f"[[{mode}]] and words to bill"}]
                with contextlib.suppress(http.client.HTTPException, ConnectionError):
                    assert shim.served("first", messages=messages) == "free"
                messages = [{"role": "user", "content": "[[good]] again"}]
                assert shim.served("first", messages=messages) == "first"
                assert shim.tried()[-1][2] == "ok"
            sql = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM exchanges WHERE status = 'open')"
            shim.wait_row(sql)
        assert len(chaos.truth()) > len(modes)
        check_ended(home, chaos.truth())


def test_a_budget_of_nothing_sends_no_byte_to_a_paid_host(tmp_path: Path) -> None:
    """The local model is down, the key of a paid one is there, and everything may go up."""
    nobody = "http://127.0.0.1:9/v1"
    local = {"provider": "ollama", "model": "m", "billing": "local", "api_base": nobody}
    for number, limits in enumerate(({"daily_usd": 0}, {"free_only": True})):
        with Listener() as host:
            paid = {"provider": "openai", "model": "p", "api_base": host.url, "tier": 3, **PRICES,
                    "key_env": "PAID_HOST_KEY"}  # fmt: skip
            models = {"local-coder": {**local, "fallbacks": ["paid"]}, "paid": paid}
            routing = {"auto": ["local-coder", "paid"], "escalate": "auto", "retries": 1}
            home = tmp_path / str(number)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("PAID_HOST_KEY", "a-key-that-would-work")
                rest = {"routing": routing, "limits_": limits, "tier_ceiling": 3}
                with Routed(home, models, **rest) as shim:
                    for alias in ("auto", "local-coder"):
                        error = shim.error(alias, stream=True)
                        message = error["message"]
                        assert "got no answer from `local-coder`" in message
                        assert "cannot connect" in message
                        assert "start Ollama, or go on for free: /model demo" in message
                        why = "closes paid models" if number == 0 else "this session is free only"
                        assert why in message
                    assert shim.rows("SELECT 1 FROM attempts WHERE alias = 'paid'") == []
            assert host.connections == 0


class Listener:
    """A host that counts who connects."""

    def __enter__(self) -> Listener:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    @property
    def connections(self) -> int:
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()
                count += 1
        return count
