"""An upstream that breaks HTTP or its stream: one clear error, a row, and bounded memory."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.faulty import TEXT, Faulty
from tests.fakes.shim_client import PROMPT, Shim, config, events, free_model, wait_for

LIMITS = {"first_s": 4, "stall_s": 0.8, "tail_s": 0.2}
MEMORY = 64 << 20
# What makes litellm and Aider ask again for a minute.
POISON = ("rate limit", "429", "http://", "https://", "timed out", "timeout", "sk-planted")
STARTS = [
    "rst", "cut", "halfclose", "stall", "stall_in_head", "not_http", "huge_header",
    "endless_headers", "html", "wrong_type", "redirect", "gzip_bomb", "error_gzip_bomb",
    "endless_error", "stall_in_error", "garbage", "binary", "wrong_shape", "wrong_content",
    "no_choices", "empty", "big_line", "stall_at_first",
]  # fmt: skip
BREAKS = [
    "rst_later", "cut_later", "halfclose_later", "stall_later", "bad_chunk_later",
    "garbage_later", "wrong_shape_later", "binary_later", "no_newline_later",
]  # fmt: skip

UNUSUAL = [
    "twice", "split_utf8", "crlf", "no_usage", "no_done", "stall_after_done",
    "endless_after_done",
]  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Faulty]:
    """The faulty upstream, shared by the tests of this file."""
    with Faulty() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def started(
    running: Faulty, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Shim, int]]:
    """An impatient shim, and the memory it had after its first answer."""
    home: Path = tmp_path_factory.mktemp("home")
    once = "routing: {retries: 0}\n"
    config(home, "main: fake\nweak: fake\n" + once + free_model(running.url))
    with Shim(home, env={"LODESTAR_HOME": str(home)}, limits=LIMITS) as shim:
        assert shim.chat(stream=True)[0] == 200
        yield shim, shim.memory()


@pytest.fixture
def shim(started: tuple[Shim, int], running: Faulty) -> Iterator[Shim]:
    """The shim; after each test it must answer as ever and have stayed small."""
    shim, before = started
    yield shim
    running.fail_by("good")
    assert json.loads(shim.chat()[2])["choices"][0]["message"]["content"] == TEXT
    assert shim.memory() - before < MEMORY


@pytest.fixture
def upstream(running: Faulty) -> Faulty:
    """The faulty upstream."""
    return running


def _newest(shim: Shim, count: int = 1) -> list[dict[str, Any]]:
    """The newest exchanges with their attempts, once they are closed."""
    shim.wait_row("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM exchanges WHERE status = 'open')")
    sql = (
        "SELECT e.status, e.error, e.served_alias, e.usage_source, e.output_tokens,"
        " a.status AS attempt, a.error AS why"
        " FROM exchanges e JOIN attempts a ON a.exchange_id = e.id ORDER BY a.id DESC LIMIT ?"
    )
    return shim.rows(sql, count)


def _says_what_failed(status: int, headers: http.client.HTTPMessage, body: bytes) -> None:
    error = json.loads(body)["error"]
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert error["message"].startswith("\n\n  Lodestar got no answer from `fake`")
    assert headers["x-should-retry"] == "false"
    assert not [word for word in POISON if word in error["message"].lower()]
    assert error["message"].isprintable() or set(error["message"]) & {"\n"}
    assert len(error["message"]) < 1000


def _read_on(shim: Shim, upstream: Faulty, messages: list[dict[str, str]]) -> bytes:
    """Ask for a stream; once it has begun, let the upstream go on, and read what there is."""
    payload = json.dumps({"model": "fake", "stream": True, "messages": messages})
    headers = {"Authorization": f"Bearer {shim.token}", "Content-Type": "application/json"}
    with contextlib.closing(shim.connect()) as connection:
        connection.request("POST", "/v1/chat/completions", payload, headers)
        answer = connection.getresponse()
        assert answer.status == 200
        start = answer.read1()
        upstream.go_on.set()
        return start + answer.read()


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("mode", STARTS)
def test_a_start_that_fails_is_one_clear_error(
    shim: Shim, upstream: Faulty, mode: str, stream: bool
) -> None:
    upstream.fail_by(mode)
    _says_what_failed(*shim.chat(stream=stream))
    row = _newest(shim)[0]
    assert (row["status"], row["attempt"], row["served_alias"]) == ("error", "error", "fake")
    assert row["error"] == row["why"]
    assert "sk-planted" not in row["error"]
    assert len(row["error"]) <= 2000
    assert upstream.requests == 1
    assert not upstream.trapped


@pytest.mark.parametrize("mode", ["cut_whole", "rst_whole", "stall_whole", "many_parts"])
def test_a_whole_answer_that_breaks_off_is_one_clear_error(
    shim: Shim, upstream: Faulty, mode: str
) -> None:
    upstream.fail_by(mode)
    _says_what_failed(*shim.chat())
    assert _newest(shim)[0]["attempt"] == "error"
    assert upstream.requests == 1


@pytest.mark.parametrize("mode", ["endless_100", "endless_comments", "no_newline"])
def test_a_stream_that_never_begins_is_given_up(shim: Shim, upstream: Faulty, mode: str) -> None:
    upstream.fail_by(mode)
    _says_what_failed(*shim.chat(stream=True))
    assert upstream.hung_up.wait(10)
    assert _newest(shim)[0]["attempt"] == "error"
    assert upstream.requests == 1


@pytest.mark.parametrize("mode", BREAKS)
def test_a_stream_that_breaks_later_is_aborted_once_and_then_ended(
    shim: Shim, upstream: Faulty, mode: str
) -> None:
    upstream.fail_by(mode)
    messages = [{"role": "user", "content": mode}]
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        _read_on(shim, upstream, messages)
    body = _read_on(shim, upstream, messages)
    assert events(body)[0]["choices"][0]["delta"]["content"] == "Hello "
    assert events(body)[-2]["choices"][0]["finish_reason"] == "length"
    assert events(body)[-1] == "[DONE]"
    for row in _newest(shim, 2):
        assert (row["status"], row["attempt"]) == ("error", "error")
        assert (row["usage_source"], row["output_tokens"]) == (
            "estimated",
            len("Hello there ") // 4,
        )
    assert upstream.requests == 2


def test_an_endless_stream_of_words_is_ended_as_cut_off(shim: Shim, upstream: Faulty) -> None:
    upstream.fail_by("endless_later")
    body = _read_on(shim, upstream, PROMPT)
    assert events(body[-1000:])[-2]["choices"][0]["finish_reason"] == "length"
    assert upstream.hung_up.wait(10)
    row = _newest(shim)[0]
    assert (row["status"], row["usage_source"]) == ("error", "estimated")
    # The text that is kept is shorter; what was received is counted all the same.
    assert row["output_tokens"] > 10 << 20
    assert upstream.requests == 1


def test_an_answer_that_nobody_asked_for_ends_the_connection(shim: Shim, upstream: Faulty) -> None:
    upstream.fail_by("again")
    assert json.loads(shim.chat()[2])["choices"][0]["message"]["content"] == TEXT
    upstream.hung_up.clear()
    upstream.go_on.set()
    assert upstream.hung_up.wait(10)


def test_a_slow_first_word_is_waited_for(shim: Shim, upstream: Faulty) -> None:
    upstream.fail_by("slow")
    with ThreadPoolExecutor() as pool:
        asking = pool.submit(shim.chat, stream=True)
        wait_for(lambda: upstream.requests == 1)
        upstream.go_on.set()
        assert events(asking.result()[2])[-1] == "[DONE]"
    assert _newest(shim)[0]["attempt"] == "ok"


@pytest.mark.parametrize("mode", UNUSUAL)
def test_an_unusual_stream_is_an_answer(shim: Shim, upstream: Faulty, mode: str) -> None:
    upstream.fail_by(mode)
    body = shim.chat(stream=True)[2].replace(b"\r", b"")
    assert body.count(b"[DONE]") == (mode != "no_done")
    choices = [e["choices"][0] for e in events(body) if e != "[DONE]"]
    assert "".join(choice["delta"].get("content", "") for choice in choices) == TEXT
    assert choices[-1]["finish_reason"] == "stop"
    row = _newest(shim)[0]
    assert (row["status"], row["attempt"]) == ("ok", "ok")
    assert row["usage_source"] == ("estimated" if mode == "no_usage" else "provider")
    assert upstream.requests == 1
