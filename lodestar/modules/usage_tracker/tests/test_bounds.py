"""A request's upper bounds hold without knowing any tokenizer."""

from __future__ import annotations

from typing import Any

import pytest

from lodestar.hookspecs import Refused
from lodestar.modules.usage_tracker import bounds
from tests.fakes.values import a_request, a_route


def test_input_is_bound_by_the_utf8_bytes_of_everything_sent() -> None:
    text = "größe 😀" * 50
    request = a_request(text, tools=[{"function": {"name": "f" * 100}}])
    assert bounds.max_input(request) >= len(text.encode()) + 100 + 16 + 64


def test_each_message_adds_its_frame() -> None:
    one = bounds.max_input(a_request())
    message = {"role": "user", "content": ""}
    two = bounds.max_input(a_request(messages=[*a_request().body["messages"], message]))
    assert two >= one + bounds.PER_MESSAGE


def test_a_picture_counts_as_much_as_any_provider_charges() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    request = a_request(messages=[{"role": "user", "content": [part]}])
    assert bounds.max_input(request) > bounds.PER_ATTACHMENT


@pytest.mark.parametrize(
    ("body", "limit", "cap"),
    [
        ({"max_tokens": 50}, 1000, 50),
        ({"max_tokens": 5000}, 1000, 1000),
        ({"max_completion_tokens": 70, "max_tokens": 5000}, 1000, 70),
        ({"max_tokens": 5000}, None, 5000),
        ({}, 1000, 1000),
        ({}, None, 8192),
        ({"max_tokens": -1}, None, 8192),
        ({"max_tokens": True}, None, 8192),
        ({"max_tokens": "900000"}, 1000, 1000),
        ({"max_tokens": 10**30}, None, bounds.MOST_OUTPUT),
    ],
)
def test_the_output_cap_is_the_least_that_is_known(
    body: dict[str, Any], limit: int | None, cap: int
) -> None:
    assert bounds.max_output(a_request(**body), a_route(max_output=limit).entry) == cap


@pytest.mark.parametrize(
    "body",
    [{"n": "50"}, {"n": 0}, {"n": True}, {"web_search_options": {"x": 1}},
     {"service_tier": "priority"}, {"audio": {"voice": "a"}}, {"models": ["o1-pro"]},
     {"extra_body": {"max_tokens": 9}}, {"route": "fallback"}, {"max_output_tokens": 9},
     {"tools": [{"type": "web_search"}]}, {"tools": ["x"]},
     {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
     {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
     {"messages": [{"role": "user", "content": ["words"]}]},
     {"messages": [{"role": "user", "content": [
         {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}]},
     {"messages": [{"role": "user", "content": "a", "cache_control": {"ttl": "1h"}}]},
     {"tools": [{"type": "function", "function": {"name": "f", "cache_control": {"ttl": "1h"}}}]}],
)  # fmt: skip
def test_a_request_without_a_bound_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        bounds.answers(a_request(**body))
    assert refused.value.remedy


def test_several_answers_are_counted() -> None:
    assert bounds.answers(a_request(n=3)) == 3
    assert bounds.answers(a_request(n=None)) == 1


def test_what_aider_and_other_editors_send_has_a_bound() -> None:
    cached = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    tool = {"type": "function", "function": {"name": "f"}}
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": [cached]}],
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "tools": [tool],
        "reasoning_effort": "low",
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    assert bounds.answers(a_request(**body)) == 1
