"""Upstreams that fail: one clear error, a row, and never half an answer taken for a whole one."""

from __future__ import annotations

import http.client
import json

import pytest

from lodestar_shim.errors import quote
from tests.fakes.shim_client import Shim, events
from tests.fakes.upstream import Upstream

# What makes litellm and Aider ask again for a minute; none may be in an error.
POISON = ("rate limit", "429", "http://", "https://", "a timeout occurred")


@pytest.mark.parametrize(
    "behaviour",
    ["400", "401", "403", "404", "429", "500", "503", "html", "garbage", "redirect", "refuse"],
)
def test_a_failed_start_is_one_error_that_aider_shows_once(
    shim: Shim, upstream: Upstream, behaviour: str
) -> None:
    upstream.script(behaviour)
    status, headers, body = shim.chat(stream=True)
    error = json.loads(body)["error"]
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert error["message"].startswith("\n\n")
    assert headers["x-should-retry"] == "false"
    assert not [word for word in POISON if word in error["message"].lower()]
    assert len(upstream.chats) == 1
    row = shim.wait_row("SELECT * FROM exchanges WHERE status != 'open' ORDER BY id DESC LIMIT 1")
    assert (row["status"], row["served_alias"]) == ("error", "fake")
    assert row["error"]


def test_an_upstream_that_is_not_there_is_named(tmp_path, upstream: Upstream) -> None:
    from tests.fakes.shim_client import config, free_model

    config(tmp_path, "main: fake\nweak: fake\n" + free_model("http://127.0.0.1:9/v1"))
    with Shim(tmp_path) as shim:
        status, _, body = shim.chat()
        assert status == 400
        assert "cannot connect" in json.loads(body)["error"]["message"]
        row = shim.wait_row("SELECT * FROM attempts WHERE status != 'open'")
        assert row["status"] == "error"


@pytest.mark.parametrize("behaviour", ["reset", "cut"])
def test_a_broken_stream_is_aborted_once_and_then_ends_with_length(
    shim: Shim, upstream: Upstream, behaviour: str
) -> None:
    messages = [{"role": "user", "content": f"break by {behaviour}"}]
    upstream.script(behaviour, behaviour)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        shim.chat(stream=True, messages=messages)
    body = shim.chat(stream=True, messages=messages)[2]
    assert events(body)[-1] == "[DONE]"
    assert events(body)[-2]["choices"][0]["finish_reason"] == "length"
    sql = "SELECT status FROM exchanges WHERE error IS NOT NULL ORDER BY id DESC LIMIT 2"
    shim.wait_row("SELECT 1 FROM (" + sql + ") WHERE status = 'error'")


def test_an_error_inside_a_stream_never_looks_like_an_answer(
    shim: Shim, upstream: Upstream
) -> None:
    upstream.script("sse_error")
    try:
        status, _, body = shim.chat(stream=True, messages=[{"role": "user", "content": "x"}])
    except (http.client.IncompleteRead, ConnectionError):
        return
    assert status == 400
    assert "overloaded" in json.loads(body)["error"]["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"[1]", "invalid_request"),
        (b'{"model": "fake"}', "invalid_request"),
        (b'{"model": "fake", "messages": []}', "invalid_request"),
        (b'{"model": "fake", "messages": [1]}', "invalid_request"),
        (b'{"model": "fake", "messages": [{"role": "user"}], "n": 9}', "invalid_request"),
        (b"[" * 100_000, "invalid_json"),
    ],
)
def test_a_bad_body_is_refused(shim: Shim, upstream: Upstream, body: bytes, code: str) -> None:
    status, _, answer = shim.request("POST", "/v1/chat/completions", body)
    assert (status, json.loads(answer)["error"]["code"]) == (400, code)
    assert not upstream.chats


@pytest.mark.parametrize(
    "text",
    [
        "rate\n limit exceeded",
        "litellm.InternalServerError: overloaded",
        "Request timed out.",
        "The read operation timed out",
        "see https://example.org/429",
        "service tier capacity exceeded",
    ],
)
def test_what_makes_clients_retry_is_said_otherwise(text: str) -> None:
    said = quote(text).lower()
    words = (*POISON, "rate limit", "litellm.", "timed out", "service tier capacity")
    assert not [word for word in words if word in said]


def test_half_an_emoji_in_an_error_is_recorded(shim: Shim) -> None:
    messages = [{"role": "user", "content": "\ud83d half"}]
    exchange = shim.chat(messages=messages)[1]["X-Lodestar-Exchange"]
    shim.wait_row("SELECT 1 FROM exchanges WHERE id = ? AND status = 'ok'", exchange)


def test_events_sent_twice_are_stored_once_and_without_secrets(shim: Shim) -> None:
    key = "sk-ant-api03-Qq71kQ0pLw93MvT5aaZZ"
    event = {"id": "e" * 32, "type": "error", "text": f"key {key} refused"}
    for _ in range(2):
        assert shim.request("POST", "/lodestar/v1/events", {"events": [event]})[0] == 204
    rows = shim.rows("SELECT data FROM signals WHERE id = ?", "e" * 32)
    assert len(rows) == 1
    assert key not in rows[0]["data"]
