"""`/escalate` in the shim: which model is next, what is said first, and no other one answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.upstream import Upstream
from tests.shim.routed import Routed, entry, models

WORD = {"X-Lodestar-Kind": "edit", "X-Lodestar-Reason": "escalate"}


class Escalating(Routed):
    """Its answers to `/escalate`."""

    def escalate(self, argument: str = "", **more: Any) -> dict[str, Any]:
        """What it says; with `error` where it refuses."""
        body = {"argument": argument, "model": "openai/local-coder", **more}
        return dict(json.loads(self.request("POST", "/lodestar/v1/commands/escalate", body)[2]))

    def refusal(self, argument: str = "") -> str:
        """Why it refuses."""
        return str(self.escalate(argument)["error"]["message"])

    def next(self) -> str:
        """The model that it sends the last message to."""
        return str(self.escalate(confirmed=True)["effect"]["resend"])


def named(local: Upstream, paid: Upstream) -> dict[str, Any]:
    """The usual models, and those of a tier 2 of which one needs a key, and a better free one."""
    return {
        "local-coder": entry(local.url, max_output=64),
        "keyless": entry("https://models.example.org/v1", 2, key_env="NO_SUCH_KEY_ANYWHERE"),
        **{k: v for k, v in models(local, paid).items() if k != "local-coder"},
        "big-free": {**entry(local.url), "tier": 3},
    }


@pytest.fixture
def shim(tmp_path: Path, local: Upstream, paid: Upstream) -> Iterator[Escalating]:
    local.clear()
    paid.clear()
    with Escalating(tmp_path / "home", named(local, paid), tier_ceiling=2) as found:
        yield found


def test_the_next_tier_up_is_asked_only_on_a_yes_and_after_its_price(
    shim: Escalating, paid: Upstream
) -> None:
    assert "this session has no answer yet" in shim.refusal()
    shim.served("local-coder")
    reply = shim.escalate()
    assert reply["lines"][0] == "mid: $3.00 in, $15.00 out per million tokens"
    assert "there is no key for `keyless`" in shim.refusal("keyless")
    assert reply["lines"][1].startswith("your last message again: under a cent for this message")
    assert reply["question"] == "Send it to mid, for money?"
    assert reply["effect"] == {}
    reply = shim.escalate(confirmed=True)
    assert (reply["question"], reply["effect"]) == (None, {"resend": "mid"})
    # From there on up; what costs nothing needs no yes.
    shim.served("mid", headers=WORD)
    assert shim.tried() == [("mid", "you asked: /escalate", "ok")]
    reply = shim.escalate()
    assert (reply["question"], reply["effect"]) == (None, {"resend": "big-free"})
    shim.served("big-free", headers=WORD)
    assert shim.next() == "top"
    shim.served("top", headers=WORD)
    assert "there is no key for a model above `top`" in shim.refusal()
    assert shim.escalate("mid")["question"] == "Send it to mid, for money?"
    assert "there is no model called `mit`" in shim.refusal("mit")
    assert "`auto` is no model" in shim.refusal("auto")
    assert [chat.body["model"] for chat in paid.chats] == ["m2", "m4"]


def test_nothing_else_answers_for_a_model_that_was_named_for_one_message(
    shim: Escalating, local: Upstream, paid: Upstream
) -> None:
    paid.script("401")
    status, _, body = shim.chat("mid", headers=WORD)
    assert status == 400
    assert "Lodestar got no answer from `mid`" in json.loads(body)["error"]["message"]
    assert not local.chats
    # Words that are not known, and short calls, change nothing.
    assert shim.served("mid", headers={**WORD, "X-Lodestar-Reason": "because"}) == "mid"
    assert shim.tried() == [("mid", "you asked", "ok")]
    assert shim.served("mid", headers={**WORD, "X-Lodestar-Kind": "summary"}) == "mid"
    assert shim.tried() == [("mid", "you asked", "ok")]
    status, _, body = shim.chat("nobody", headers=WORD)
    assert (status, json.loads(body)["error"]["code"]) == (400, "model_not_found")


def test_a_limit_refuses_it_and_the_free_model_does_not_answer_instead(
    tmp_path: Path, local: Upstream, paid: Upstream
) -> None:
    local.clear()
    paid.clear()
    money = {"session_usd": 0.001}
    with Escalating(tmp_path / "home", named(local, paid), limits_=money) as shim:
        assert shim.served("mid") == "local-coder"
        local.clear()
        status, _, body = shim.chat("mid", headers=WORD)
        assert (status, json.loads(body)["error"]["code"]) == (400, "budget_exceeded")
        assert "`mid` is closed just now" in shim.refusal("mid")
    assert not local.chats
    assert not paid.chats


def test_a_free_session_goes_up_to_free_models_only(
    tmp_path: Path, local: Upstream, paid: Upstream
) -> None:
    local.clear()
    paid.clear()
    free = {"free_only": True}
    with Escalating(tmp_path / "home", named(local, paid), limits_=free) as shim:
        shim.served("local-coder")
        assert shim.next() == "big-free"
        shim.served("big-free")
        assert "this session may ask: it is free only" in shim.refusal()
        assert "`mid` is not asked: this session is free only" in shim.refusal("mid")
    assert not paid.chats
