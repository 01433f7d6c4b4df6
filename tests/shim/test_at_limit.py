"""At a limit: answered for free, refused with the remedy, or the end of the session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lodestar.hookspecs import Refused
from lodestar_shim.errors import quote
from lodestar_shim.failures import unanswered
from lodestar_shim.upstream import UpstreamError
from tests.fakes.gated import DAILY, Gated
from tests.fakes.shim_client import wait_for
from tests.fakes.upstream import Upstream
from tests.fakes.values import FREE, PAID, a_route

LOCAL = "`local-coder` (demo model)"
KEY = {"paid-key": {"provider": "openai", "model": "m", "billing": "payg", "price_in": 3,
                    "price_out": 15, "key_env": "A_KEY_THAT_IS_NOT_SET"}}  # fmt: skip
SHORT = ["commit_message", "summary"]


@pytest.fixture(scope="module")
def dear() -> Iterator[Upstream]:
    """The paid provider."""
    with Upstream(text="This was not free.") as server:
        yield server


@pytest.fixture(scope="module")
def free() -> Iterator[Upstream]:
    """Where `local-coder` is served."""
    with Upstream(text="This was free.") as server:
        yield server


@pytest.fixture(scope="module")
def started(
    dear: Upstream, free: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gated]:
    home: Path = tmp_path_factory.mktemp("home")
    models = {name: {**entry, "api_base": dear.url} for name, entry in KEY.items()}
    with Gated(home, dear.url, free.url, models=models) as shim:
        yield shim


@pytest.fixture
def shim(started: Gated, dear: Upstream, free: Upstream) -> Gated:
    """The shared shim, its gate open, its upstreams as new."""
    started.set()
    dear.clear()
    free.clear()
    return started


def refuse(shim: Gated, policy: str, **changes: Any) -> None:
    shim.set(refuse={**DAILY, "policy": policy, **changes})


def newest(shim: Gated) -> dict[str, Any]:
    """The newest exchange, once it is closed."""
    shim.wait_row("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM exchanges WHERE status = 'open')")
    return shim.rows("SELECT * FROM exchanges ORDER BY id DESC LIMIT 1")[0]


def attempts(shim: Gated, exchange: str) -> list[tuple[int, str, str]]:
    rows = shim.rows("SELECT * FROM attempts WHERE exchange_id = ? ORDER BY number", exchange)
    return [(row["number"], row["alias"], row["status"]) for row in rows]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_downgrade_is_answered_by_the_free_model(
    shim: Gated, dear: Upstream, free: Upstream, stream: bool
) -> None:
    refuse(shim, "downgrade")
    status, headers, body = shim.chat("paid", stream=stream)
    assert (status, headers["X-Lodestar-Model"]) == (200, "local-coder")
    assert b"free" in body
    row = newest(shim)
    assert (row["status"], row["requested_alias"], row["served_alias"]) == (
        "ok",
        "paid",
        "local-coder",
    )
    assert row["route_reason"] == "budget: daily limit"
    assert attempts(shim, row["id"]) == [(1, "local-coder", "ok")]
    assert not dear.chats
    assert len(free.chats) == 1


def test_the_user_is_told_once_per_limit_and_every_exchange_has_its_reason(
    dear: Upstream, free: Upstream, tmp_path: Path
) -> None:
    with Gated(tmp_path, dear.url, free.url) as shim:
        for _ in range(3):
            refuse(shim, "downgrade")
            assert shim.chat("paid")[0] == 200
        wait_for(shim.notices)
        weekly = {**DAILY["details"], "window": "week"}
        refuse(shim, "downgrade", message="the weekly limit has no room", details=weekly)
        assert shim.chat("paid")[0] == 200
        wait_for(lambda: len(shim.notices()) == 2)
        newest(shim)
        reasons = [row["route_reason"] for row in shim.rows("SELECT * FROM exchanges ORDER BY id")]
        texts = [(notice["level"], notice["text"]) for notice in shim.notices()]
        wait_for(lambda: len([e for e in shim.log("type") if e["type"] == "notice"]) == 2)
    assert reasons == ["budget: daily limit"] * 3 + ["budget: weekly limit"]
    assert texts[0] == (
        "warn",
        "the daily limit ($2.00) has no room: $1.97 used; answered for free by"
        f" {LOCAL}; more: lodestar budget raise 1 --until midnight",
    )
    assert texts[1][1].startswith("the weekly limit has no room")


@pytest.mark.parametrize("policy", ["ask", "stop"])
def test_a_refusal_is_one_error_with_the_remedy(
    dear: Upstream, free: Upstream, tmp_path: Path, policy: str
) -> None:
    with Gated(tmp_path, dear.url, free.url) as shim:
        refuse(shim, policy)
        dear.clear()
        free.clear()
        status, headers, body = shim.chat("paid", stream=True)
        error = json.loads(body)["error"]
        assert (status, headers["x-should-retry"]) == (400, "false")
        assert (error["type"], error["code"]) == ("invalid_request_error", "budget_exceeded")
        assert error["message"].split("\n") == [
            "",
            "",
            "  Lodestar stopped this request: the daily limit ($2.00) has no room: $1.97 used",
            "  there is room again from 2026-11-25 00:00",
            "  lodestar budget raise 1 --until midnight",
            "  or go on for free: /model local-coder",
            "",
        ]
        names = ("limit_source", "limit", "spent", "held", "unit", "resets_at", "remedy")
        assert [error[name] for name in names] == [
            "budget: day", "2.00", "1.97", "0.00", "usd", "2026-11-25T00:00+01:00",
            "lodestar budget raise 1 --until midnight",
        ]  # fmt: skip
        assert not dear.chats + free.chats
        assert (newest(shim)["status"], attempts(shim, newest(shim)["id"])) == ("refused", [])
        # A shim alone has no session to end: its clients go on, for free.
        assert shim.poll()["end"] is None
        assert shim.chat("free")[0] == 200


@pytest.mark.parametrize("kind", SHORT)
@pytest.mark.parametrize("policy", ["downgrade", "ask", "stop"])
def test_commit_messages_and_summaries_are_always_answered_free(
    shim: Gated, dear: Upstream, policy: str, kind: str
) -> None:
    refuse(shim, policy)
    before = len(shim.notices())
    for model in ("paid", "openai/lodestar-weak"):
        status, headers, _ = shim.chat(model, {"X-Lodestar-Kind": kind})
        assert (status, headers["X-Lodestar-Model"]) == (200, "local-coder")
    row = newest(shim)
    assert (row["kind"], row["route_reason"]) == (kind, "budget: daily limit")
    assert attempts(shim, row["id"]) == [(1, "local-coder", "ok")]
    assert not dear.chats
    assert shim.poll()["end"] is None
    assert len(shim.notices()) == before


def test_the_refusal_is_what_is_said_where_the_free_model_fails_too(
    shim: Gated, free: Upstream
) -> None:
    refuse(shim, "downgrade")
    free.script("500")
    status, _, body = shim.chat("paid", stream=True)
    error = json.loads(body)["error"]
    assert (status, error["code"], error["limit"]) == (400, "budget_exceeded", "2.00")
    lines = error["message"].split("\n  ")
    assert "the daily limit ($2.00) has no room" in lines[1]
    assert lines[2] == f"{LOCAL}, which is free, could not take it: HTTP 500: scripted 500"
    assert len(free.chats) == 1
    row = newest(shim)
    assert (row["status"], row["served_alias"]) == ("error", "local-coder")


def test_a_chat_too_long_for_the_free_model_is_not_called_too_long_for_the_paid_one() -> None:
    """In a provider's words, Aider would offer its help on the wrong model's context window."""
    words = "This model's maximum context length is 4096 tokens"
    failed = UpstreamError(words, 400, code="context_length_exceeded")
    no = Refused(**DAILY)
    error = unanswered([(a_route(**PAID), no), (a_route("local-coder", **FREE), failed)], no)
    assert "maximum context length" not in error.message
    assert "the chat is too long for it; take files out: /drop" in error.message


@pytest.mark.parametrize("local", [None, {"billing": "payg"}], ids=["free", "paid"])
def test_only_a_free_model_answers_instead(
    dear: Upstream, free: Upstream, tmp_path: Path, local: dict[str, Any] | None
) -> None:
    entry = {"provider": "openai", "model": "m", "api_base": free.url, "billing": "free"}
    models = {"local-coder": {**entry, **(local or {})}}
    with Gated(tmp_path, dear.url, free.url, models=models) as shim:
        refuse(shim, "downgrade", free=True)
        free.clear()
        # A gate that refuses everything: nothing is answered, and nothing goes round in circles.
        for model in ("paid", "free", "local-coder"):
            status, _, body = shim.chat(model)
            assert (status, json.loads(body)["error"]["code"]) == (400, "budget_exceeded")
        looks = [line["gate"] for line in shim.log("gate")]
    assert not free.chats
    assert looks == ["paid", *(["local-coder"] if local is None else []), "free", "local-coder"]


def test_each_attempt_of_a_chain_goes_through_its_own_gate(
    shim: Gated, dear: Upstream, free: Upstream
) -> None:
    dear.script("500")
    before = len(shim.log("gate"))
    assert shim.chat("openai/lodestar-weak")[1]["X-Lodestar-Model"] == "local-coder"
    assert [line["gate"] for line in shim.log("gate")][before:] == ["paid", "local-coder"]
    assert (len(dear.chats), len(free.chats)) == (1, 1)
    assert attempts(shim, newest(shim)["id"]) == [(1, "paid", "error"), (2, "local-coder", "ok")]


def test_no_key_is_looked_for_before_the_gate_is_open(shim: Gated) -> None:
    """Looked for, the key would be found missing, and that would be the error."""
    missing = json.loads(shim.chat("paid-key")[2])["error"]
    assert "A_KEY_THAT_IS_NOT_SET" in missing["message"]
    refuse(shim, "ask")
    assert json.loads(shim.chat("paid-key")[2])["error"]["code"] == "budget_exceeded"


def test_a_free_only_session_answers_paid_models_for_free_and_never_looks_for_their_keys(
    dear: Upstream, free: Upstream, tmp_path: Path
) -> None:
    models = {name: {**entry, "api_base": dear.url} for name, entry in KEY.items()}
    rules = {"limits": {"free_only": True}, "allow_unmetered": True}
    with Gated(tmp_path, dear.url, free.url, models=models, **rules) as shim:
        dear.clear()
        for model in ("paid", "paid-key", "openai/lodestar-weak"):
            status, headers, _ = shim.chat(model)
            assert (status, headers["X-Lodestar-Model"]) == (200, "local-coder")
        assert newest(shim)["route_reason"] == "refused: limits.free_only"
        # Refused before any module is asked.
        assert {line["gate"] for line in shim.log("gate")} == {"local-coder"}
        wait_for(shim.notices)
        (notice,) = shim.notices()
    assert "this session is free only; answered for free by" in notice["text"]
    assert not dear.chats


def test_a_limit_stops_a_whole_answer_as_well(shim: Gated, dear: Upstream) -> None:
    shim.set(most_bytes=20)
    error = json.loads(shim.chat("paid")[2])["error"]
    assert "a limit stopped the answer" in error["message"]
    end = shim.log("finish")[-1]
    assert (end["finish"], end["overran"]) == ("error", True)


def test_what_was_received_is_told_to_the_gate(shim: Gated, dear: Upstream) -> None:
    assert shim.chat("paid", stream=True)[0] == 200
    end = shim.log("finish")[-1]
    assert end == {"finish": "ok", "source": "provider", "received": len(dear.text),
                   "overran": False}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [("$0.429 of $1.429", "$0.4290 of $1.4290"), ("$429 of $429.00", "$0429 of $0429.00"),
     ("HTTP 429", "HTTP 4 2 9"), ("$4.29 and $1,429", "$4.29 and $1,4 2 9")],
)  # fmt: skip
def test_an_amount_stays_one_where_its_digits_would_make_a_client_retry(
    text: str, said: str
) -> None:
    assert quote(text) == said
