"""What `auto` and fallback chains choose: free first, up only where the profile says so."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from pathlib import Path
from typing import Any

import pytest

from lodestar.catalog import Catalog
from lodestar.settings import ModelEntry, Settings
from lodestar_shim.edits import LocalEdits
from lodestar_shim.routes import Router
from tests.fakes.shim_client import PROMPT, wait_for
from tests.fakes.upstream import Upstream
from tests.fakes.values import a_request
from tests.shim.routed import Routed, entry, models

LONG = [{"role": "user", "content": "x = 1  # and so on\n" * 500}]
"""More than a model of 1,024 tokens takes, and less than one of 16,000."""


@pytest.mark.parametrize("escalate", ["never", "ask", "auto"])
def test_auto_is_free_first_whatever_the_order_says(
    shims: Any, paid: Upstream, escalate: str
) -> None:
    shim = shims(escalate)
    assert shim.served() == "local-coder"
    assert shim.tried() == [("local-coder", "auto: free first", "ok")]
    assert not paid.chats


def test_auto_goes_up_to_the_ceiling_where_the_free_model_is_down(
    shims: Any, local: Upstream, paid: Upstream
) -> None:
    shim = shims("auto")
    local.script("500")
    assert shim.served() == "mid"
    assert shim.tried() == [
        ("local-coder", "auto: free first", "error"),
        ("mid", "local down", "ok"),
    ]
    wait_for(shim.notices)
    said = "`mid` answered, for money (local down); `local-coder` did not answer: HTTP 500"
    assert shim.notices()[-1].startswith(said)


def test_auto_never_goes_above_the_ceiling(shims: Any, local: Upstream, paid: Upstream) -> None:
    shim = shims("auto")
    local.script("500")
    paid.script("500")
    error = shim.error()
    assert [alias for alias, _, _ in shim.tried()] == ["local-coder", "mid"]
    assert "nor from `mid`: HTTP 500" in error["message"]
    assert "go on with /model top (under a cent for this message, about $0.0" in error["message"]
    assert {chat.body["model"] for chat in paid.chats} == {"m2"}


@pytest.mark.parametrize("escalate", ["never", "ask"])
@pytest.mark.parametrize("alias", ["auto", "free-first"])
def test_no_paid_model_answers_for_a_free_one_without_the_users_word(
    shims: Any, local: Upstream, paid: Upstream, escalate: str, alias: str
) -> None:
    shim = shims(escalate)
    local.script("500")
    error = shim.error(alias)
    assert "go on with /model " in error["message"]
    assert error["message"].startswith("\n\n  Lodestar got no answer from `")
    assert not paid.chats
    assert shim.rows("SELECT count(*) AS n FROM holds") == [{"n": 0}]


def test_a_paid_fallback_of_a_free_model_answers_where_the_profile_says_so(
    shims: Any, local: Upstream, paid: Upstream
) -> None:
    shim = shims("auto")
    local.script("500")
    assert shim.served("free-first") == "mid"
    assert shim.tried()[-1] == ("mid", "fallback of free-first", "ok")


def test_a_chat_that_is_too_long_goes_up_or_is_refused_with_the_way_on(
    shims: Any, local: Upstream, paid: Upstream
) -> None:
    assert shims("auto").served(messages=LONG) == "mid"
    assert shims("auto").tried() == [("mid", "context too long", "ok")]
    for escalate in ("never", "ask"):
        error = shims(escalate).error(messages=LONG)
        assert error["code"] == "escalation_refused"
        assert "the chat is too long for `local-coder`" in error["message"]
        assert "go on with /model mid (under a cent for this message, about" in error["message"]
        assert not local.chats + paid.chats


def test_what_the_server_calls_too_long_goes_up_as_well(
    paid: Upstream, tmp_path: Path, local: Upstream
) -> None:
    """Only the server can count tokens; a model without a known context is tried."""
    catalog = models(local, paid)
    with TooLong() as server:
        catalog["local-coder"] = entry(server.url)
        routing = {"auto": ["local-coder", "mid"], "escalate": "auto"}
        with Routed(tmp_path, catalog, routing=routing, tier_ceiling=2) as shim:
            assert shim.served() == "mid"
            assert shim.tried()[-1] == ("mid", "context too long", "ok")


class TooLong(Upstream):
    """Says of every chat that it is too long."""

    def _completion(self, behaviour: str) -> dict[str, Any]:
        return {"error": {"message": "maximum context length is 5 tokens",
                          "code": "context_length_exceeded"}}  # fmt: skip


def test_commit_messages_and_summaries_of_auto_stay_free(
    shims: Any, local: Upstream, paid: Upstream
) -> None:
    shim = shims("auto")
    for kind in ("commit_message", "summary"):
        local.script("500")
        status, _, _ = shim.chat("auto", {"X-Lodestar-Kind": kind})
        assert status == 400
    assert not paid.chats


def test_a_fallback_of_a_model_that_was_named_is_no_dearer_than_it(
    local: Upstream, paid: Upstream, tmp_path: Path
) -> None:
    catalog = models(local, paid)
    catalog["mid"]["fallbacks"] = ["top", "beside"]
    catalog["beside"] = entry(local.url, 2)
    with Routed(tmp_path, catalog, routing={"retries": 0}) as shim:
        paid.script("500")
        assert shim.served("mid") == "beside"
        assert shim.tried()[-1] == ("beside", "fallback of mid", "ok")
        paid.clear()


def test_auto_is_listed_and_behaves_as_its_first_model(shims: Any) -> None:
    listed = json.loads(shims("never").request("GET", "/v1/models")[2])["data"]
    auto = next(model for model in listed if model["id"] == "auto")
    assert (auto["billing"], auto["tier"], auto["context_window"]) == ("free", 1, 1024)


def test_a_prompt_whose_answer_broke_off_goes_to_the_next_model(
    local: Upstream, paid: Upstream, tmp_path: Path
) -> None:
    catalog = models(local, paid)
    catalog["local-coder"]["fallbacks"] = ["mid"]
    routing = {"escalate": "auto", "retries": 0}
    with Routed(tmp_path, catalog, routing=routing, tier_ceiling=2) as shim:
        local.script("reset")
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            shim.chat("local-coder", stream=True, messages=PROMPT)
        assert shim.served("local-coder", stream=True, messages=PROMPT) == "mid"
        assert shim.tried() == [("mid", "fallback of local-coder", "ok")]


def test_the_common_case_asks_no_module_and_starts_no_thread(
    local: Upstream, paid: Upstream, tmp_path: Path
) -> None:
    """One model that was named: nothing is chosen, and nobody need be asked."""
    catalog = Catalog({"m": ModelEntry(**entry(local.url))}, "m")
    none: Any = None
    router = Router(catalog, Settings(), none, none, LocalEdits())

    async def plans() -> float:
        request = a_request()
        await router.plan(request)
        began = time.process_time()
        for _ in range(1000):
            assert [route.alias for route in (await router.plan(request)).routes] == ["m"]
        return time.process_time() - began

    assert asyncio.run(plans()) < 0.1


@pytest.mark.parametrize("escalate", ["never", "ask"])
def test_a_limit_of_nothing_advises_no_model_that_would_be_refused_as_well(
    local: Upstream, paid: Upstream, tmp_path: Path, escalate: str
) -> None:
    settings = {"routing": {"escalate": escalate, "auto": ["local-coder", "mid"]}}
    chosen = models(local, paid)
    paid.clear()
    with Routed(tmp_path, chosen, limits_={"daily_usd": 0}, tier_ceiling=3, **settings) as shim:
        message = shim.error(messages=LONG)["message"]
    assert "`mid` costs money and a limit of 0 closes paid models: it is not asked" in message
    assert "/model" not in message
    assert not paid.chats
