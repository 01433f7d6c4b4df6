"""A provider behind the translator that fails: the right error, the right charge, one request."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.anthropic import Anthropic, error, event, failure
from tests.fakes.shim_client import Shim, wait_for
from tests.fakes.wire import PAUSE, Got, head
from tests.translator.conftest import KEY

OPEN = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM exchanges WHERE status = 'open')"
NOT_HTTP = b"SSH-2.0-OpenSSH_9.2 " + KEY.encode() + b"\r\n"
SSE = head("text/event-stream")
REFUSED = {
    "400": failure(400, "invalid_request_error", f"no such field, {KEY}"),
    "401": failure(401, "authentication_error", f"invalid x-api-key: {KEY}"),
    "404": failure(404, "not_found_error", "no such model"),
    "429": failure(429, "rate_limit_error", "slow down", "Retry-After: 7"),
    "redirect": [head("text/html", "Location: http://127.0.0.2:9/", status="302 Found")],
}
FAILED = {
    "500": (failure(500, "api_error", "it broke"), "HTTP 500: it broke"),
    "529": (failure(529, "overloaded_error", "Overloaded"), "HTTP 529: Overloaded"),
    "cut": ([], "ended too early"),
    "not_http": ([NOT_HTTP], "not valid HTTP"),
    "html": ([head("text/html"), b"<html>sign in</html>"], "its answer"),
    "broken_json": ([head("application/json"), b"{broken"], "its answer"),
    "gzip": ([head("application/json", "Content-Encoding: gzip"), b"\x1f\x8b"], "compressed"),
    "huge": ([head("application/json"), *[b"x" * (1 << 20)] * 9], "larger than"),
}


def charged(shim: Shim) -> dict[str, Any] | None:
    """The newest charge's cause and amount beside its hold's, None where the hold was voided."""
    shim.wait_row(OPEN)
    (hold,) = shim.rows("SELECT id, state, amount_nano FROM holds ORDER BY id DESC LIMIT 1")
    if hold["state"] == "voided":
        return None
    sql = "SELECT usage_source AS source, cash_nano FROM charges WHERE hold_id = ?"
    (charge,) = shim.rows(sql, hold["id"])
    return {**charge, "hold_nano": hold["amount_nano"]}


def is_worst_case(shim: Shim) -> bool:
    """Whether all that was set aside was charged."""
    found = charged(shim)
    return bool(found) and (found["source"], found["cash_nano"]) == (
        "worst_case",
        found["hold_nano"],
    )


def message(body: bytes) -> str:
    """The error's words."""
    text: str = json.loads(body)["error"]["message"]
    assert KEY not in text
    return text


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("mode", REFUSED)
def test_what_is_turned_away_is_not_charged(
    shim: Shim, provider: Anthropic, mode: str, stream: bool
) -> None:
    provider.answer = lambda _: REFUSED[mode]
    status, _, body = shim.chat("claude", stream=stream)
    assert status == 400
    assert "Lodestar got no answer from `claude`" in message(body)
    assert charged(shim) is None
    assert len(provider.requests) == 1
    code = shim.rows("SELECT http_status FROM attempts ORDER BY id DESC LIMIT 1")[0]
    assert code["http_status"] == (302 if mode == "redirect" else int(mode))


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("mode", FAILED)
def test_what_fails_after_it_was_sent_is_charged_at_its_worst_case(
    shim: Shim, provider: Anthropic, mode: str, stream: bool
) -> None:
    answer, words = FAILED[mode]
    provider.answer = lambda _: answer
    status, _, body = shim.chat("claude", stream=stream)
    assert status == 400
    assert words in message(body)
    assert is_worst_case(shim)
    assert len(provider.requests) == 1


def test_a_reset_is_charged_and_not_repeated(shim: Shim, provider: Anthropic) -> None:
    provider.answer, provider.end = lambda _: [], "rst"
    assert "the connection broke" in message(shim.chat("claude")[2])
    assert is_worst_case(shim)
    assert len(provider.requests) == 1


def test_a_prompt_that_is_too_long_is_told_in_words_that_aider_knows(
    shim: Shim, provider: Anthropic
) -> None:
    words = "prompt is too long: 250000 tokens > 200000 maximum"
    provider.answer = lambda _: failure(400, "invalid_request_error", words)
    body = shim.chat("claude", stream=True)[2]
    assert json.loads(body)["error"]["code"] == "context_length_exceeded"
    assert charged(shim) is None


def test_a_stall_ends_when_the_shim_loses_patience(shim: Shim, provider: Anthropic) -> None:
    provider.answer, provider.end = lambda _: [], "stall"
    assert "too long to answer" in message(shim.chat("claude", stream=True)[2])
    assert provider.hung_up.wait(10)
    assert is_worst_case(shim)


def test_an_error_before_the_first_words_is_an_error(shim: Shim, provider: Anthropic) -> None:
    def overloaded(got: Got) -> list[bytes]:
        start = next(provider.events(got))
        return [SSE, event(start), event(error("overloaded_error", "Overloaded"))]

    provider.answer = overloaded
    status, _, body = shim.chat("claude", stream=True)
    assert status == 400
    assert "HTTP 529: Overloaded" in message(body)
    assert is_worst_case(shim)


def _half(provider: Anthropic, got: Got) -> Iterator[bytes]:
    yield SSE
    for number, part in enumerate(provider.events(got)):
        if number == 5:
            return
        yield event(part)


@pytest.mark.parametrize("end", ["close", "rst", "halfclose", "stall", "error", "garbage"])
def test_half_an_answer_is_never_ended_cleanly(shim: Shim, provider: Anthropic, end: str) -> None:
    rest = {"error": event(error("overloaded_error", "Overloaded")), "garbage": b"data: {x\n\n"}

    def half(got: Got) -> Iterator[bytes]:
        yield from _half(provider, got)
        if end in rest:
            yield rest[end]

    provider.answer, provider.end = half, "close" if end in rest else end
    # The second break of one prompt would be ended as cut off.
    prompt = [{"role": "user", "content": f"say hello, {end}"}]
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        shim.chat("claude", stream=True, messages=prompt)
    assert is_worst_case(shim)
    assert len(provider.requests) == 1
    why = shim.rows("SELECT error FROM attempts ORDER BY id DESC LIMIT 1")[0]["error"]
    assert "Overloaded" in why if end == "error" else why


def test_slow_first_words_are_waited_for(shim: Shim, provider: Anthropic) -> None:
    def slow(got: Got) -> Iterator[bytes]:
        yield SSE
        yield event({"type": "ping"})
        time.sleep(1)
        yield from map(event, provider.events(got))

    provider.answer = slow
    assert shim.chat("claude", stream=True)[0] == 200
    found = charged(shim)
    assert found
    assert (found["source"], found["cash_nano"]) == ("provider", 300_000)


def test_nobody_there_is_no_charge(shim: Shim) -> None:
    status, _, body = shim.chat("nowhere")
    assert status == 400
    assert "cannot connect" in message(body)
    assert charged(shim) is None


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_the_provider_is_hung_up_on_once_nobody_waits(
    shim: Shim, provider: Anthropic, stream: bool
) -> None:
    def held(got: Got) -> Iterator[bytes]:
        yield from _half(provider, got) if stream else [head("application/json")]
        yield PAUSE
        yield b"x"

    provider.answer = held
    connection = shim.connect()
    body = json.dumps({"model": "claude", "stream": stream, "messages": [
        {"role": "user", "content": f"and then {stream}"}]})  # fmt: skip
    headers = {"Authorization": f"Bearer {shim.token}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", body, headers)
    wait_for(lambda: provider.requests)
    connection.close()
    assert provider.hung_up.wait(10)
    assert is_worst_case(shim)
