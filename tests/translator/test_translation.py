"""What a client asks in OpenAI's words reaches Anthropic in its own, and comes back."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lodestar_translator.asked import parse
from lodestar_translator.errors import ApiError
from tests.fakes.anthropic import Anthropic, text, thinking, tool_use
from tests.fakes.shim_client import Shim, events
from tests.translator.conftest import KEY

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
CACHED = {"type": "ephemeral"}
TOOL = {
    "type": "function",
    "function": {
        "name": "edit",
        "description": "edit a file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    },
}
USER = [{"role": "user", "content": "go on"}]


def sent(shim: Shim, provider: Anthropic, alias: str = "claude", **body: Any) -> dict[str, Any]:
    """What the provider was asked."""
    status, _, answer = shim.chat(alias, **body)
    assert status == 200, answer
    (got,) = provider.requests
    asked: dict[str, Any] = got.body
    return asked


def deltas(body: bytes) -> list[dict[str, Any]]:
    """The parts of a streamed answer."""
    chunks = [event for event in events(body) if event != "[DONE]"]
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"]]


def test_the_request_goes_out_in_anthropics_words(shim: Shim, provider: Anthropic) -> None:
    messages = [{"role": "system", "content": "be brief"}, *USER]
    asked = sent(shim, provider, messages=messages, temperature=0.5, stop=["END"], max_tokens=77)
    (got,) = provider.requests
    assert got.path == "/v1/messages"
    assert got.headers["x-api-key"] == KEY
    assert got.headers["anthropic-version"]
    assert got.headers["accept-encoding"] == "identity"
    attempt = shim.rows("SELECT id FROM attempts ORDER BY id DESC LIMIT 1")[0]
    assert got.headers["x-request-id"] == attempt["id"]
    assert asked["model"] == "claude-sonnet-4-5-20250929"
    assert asked["system"] == [{"type": "text", "text": "be brief"}]
    assert (asked["temperature"], asked["stop_sequences"], asked["max_tokens"]) == (
        0.5,
        ["END"],
        77,
    )


def test_what_is_marked_to_be_cached_stays_marked(shim: Shim, provider: Anthropic) -> None:
    part = {"type": "text", "text": "all of it", "cache_control": CACHED}
    messages = [
        {"role": "system", "content": [part]},
        {"role": "user", "content": [part]},
        {"role": "assistant", "content": "well"},
        *USER,
    ]
    asked = sent(shim, provider, messages=messages)
    assert asked["system"][0]["cache_control"] == CACHED
    assert asked["messages"][0]["content"][0]["cache_control"] == CACHED


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_tools_are_called(shim: Shim, provider: Anthropic, stream: bool) -> None:
    provider.says(text("I edit."), tool_use("edit", path="hello.py"))
    body = shim.chat("claude", stream=stream, tools=[TOOL], tool_choice="auto")[2]
    assert provider.requests[0].body["tools"][0]["name"] == "edit"
    if stream:
        calls = [call for delta in deltas(body) for call in delta.get("tool_calls", ())]
        name, arguments = calls[0]["function"]["name"], ""
        assert {call["index"] for call in calls} == {0}
        arguments = "".join(call["function"]["arguments"] for call in calls)
        finish = [e["choices"][0]["finish_reason"] for e in events(body)[:-1] if e["choices"]][-1]
    else:
        choice = json.loads(body)["choices"][0]
        (call,) = choice["message"]["tool_calls"]
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        finish = choice["finish_reason"]
    assert (name, json.loads(arguments), finish) == ("edit", {"path": "hello.py"}, "tool_calls")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_thoughts_come_apart_from_the_answer(shim: Shim, provider: Anthropic, stream: bool) -> None:
    provider.says(thinking("Let me see, it is easy."), text("Done."))
    body = shim.chat("claude", stream=stream, thinking={"type": "enabled", "budget_tokens": 1024})[
        2
    ]
    assert provider.requests[0].body["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    parts = deltas(body) if stream else [json.loads(body)["choices"][0]["message"]]
    assert "".join(part.get("reasoning_content") or "" for part in parts) == (
        "Let me see, it is easy."
    )
    assert "".join(part.get("content") or "" for part in parts) == "Done."
    signed = [block for part in parts for block in part.get("thinking_blocks", ())]
    assert signed[-1]["signature"] == "c2lnbmVk"


def test_an_effort_becomes_a_budget_of_thoughts(shim: Shim, provider: Anthropic) -> None:
    asked = sent(shim, provider, reasoning_effort="low")
    assert asked["thinking"]["type"] == "enabled"
    assert asked["thinking"]["budget_tokens"] == 1024


@pytest.mark.parametrize("url", [PIXEL, "https://example.org/picture.png"], ids=["data", "https"])
def test_images_are_passed_on_and_never_fetched(shim: Shim, provider: Anthropic, url: str) -> None:
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "see"}]
    asked = sent(shim, provider, messages=[{"role": "user", "content": content}])
    source = asked["messages"][0]["content"][0]["source"]
    assert source["type"] == ("base64" if url == PIXEL else "url")


@pytest.mark.parametrize("url", ["/etc/passwd", "file:///etc/passwd", "picture"])
def test_an_image_that_would_have_to_be_fetched_is_refused(
    shim: Shim, provider: Anthropic, url: str
) -> None:
    for address in (url, f"{provider.address}/picture.png"):
        content = [{"type": "image_url", "image_url": {"url": address}}]
        status, _, body = shim.chat("gratis", messages=[{"role": "user", "content": content}])
        assert status == 400
        assert "an image must be in the message" in json.loads(body)["error"]["message"]
    assert not provider.requests


@pytest.mark.parametrize("name", ["mock_response", "fallbacks", "callbacks", "num_retries"])
def test_no_client_tells_litellm_what_to_do(shim: Shim, provider: Anthropic, name: str) -> None:
    status, _, body = shim.chat("gratis", **{name: "x"})
    assert status == 400
    assert f"`{name}`" in json.loads(body)["error"]["message"]
    assert not provider.requests


@pytest.mark.parametrize("name", ["api_base", "api_key", "base_url", "custom_llm_provider"])
def test_no_other_server_is_named_to_litellm(name: str) -> None:
    body = {"model": "anthropic/c", "messages": USER, name: "http://127.0.0.2:9"}
    with pytest.raises(ApiError, match=name):
        parse(body, KEY, None)


def test_what_nobody_would_miss_is_left_out(shim: Shim, provider: Anthropic) -> None:
    plain = {"n": 1, "presence_penalty": 0, "frequency_penalty": 0, "logprobs": False}
    asked = sent(shim, provider, **plain, seed=7, user="me", metadata={"a": "b"})
    assert not {*plain, "seed", "user"} & asked.keys()


def test_what_somebody_would_miss_is_refused(shim: Shim, provider: Anthropic) -> None:
    status, _, body = shim.chat("claude", presence_penalty=0.5)
    assert status == 400
    assert "presence_penalty" in json.loads(body)["error"]["message"]
    assert not provider.requests
    hold = shim.rows("SELECT state FROM holds ORDER BY id DESC LIMIT 1")[0]
    assert hold["state"] == "voided"


def test_requests_at_once_do_not_mix(shim: Shim, provider: Anthropic) -> None:
    def ask(number: int) -> tuple[int, str]:
        body = shim.chat("gratis", stream=bool(number % 2), messages=[
            {"role": "user", "content": f"number {number}"}])[2]  # fmt: skip
        return number, body.decode()

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(24)))
    assert len(provider.requests) == 24
    assert all("Hello" in body for _, body in answers)
