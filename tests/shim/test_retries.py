"""An upstream that fails for a moment is asked again, never for long; then the next one is."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from lodestar_shim.retries import FIRST_S, LONGEST_WISH_S, MOST_S, Retries, passes, wish
from lodestar_shim.upstream import UNREACHABLE, UpstreamError
from tests.fakes.shim_client import events, wait_for
from tests.fakes.upstream import Upstream
from tests.fakes.values import FREE, a_route
from tests.shim.routed import Routed, entry

PROMPT = [{"role": "user", "content": "try"}]


@pytest.fixture(scope="module")
def first() -> Iterator[Upstream]:
    with Upstream(text="The first.") as server:
        yield server


@pytest.fixture(scope="module")
def second() -> Iterator[Upstream]:
    with Upstream(text="The second.") as server:
        yield server


@pytest.fixture(scope="module")
def started(
    first: Upstream, second: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Routed]:
    home: Path = tmp_path_factory.mktemp("home")
    models = {
        "alone": entry(first.url),
        "chained": entry(first.url, fallbacks=["other"]),
        "dear": entry(first.url, 3, fallbacks=["dear-too"]),
        "dear-too": entry(second.url, 3),
        "other": entry(second.url),
    }
    with Routed(home, models) as shim:
        yield shim


@pytest.fixture
def shim(started: Routed, first: Upstream, second: Upstream) -> Routed:
    """The shared shim, all its models well."""
    first.clear()
    second.clear()
    for model in ("alone", "chained", "dear"):
        assert started.served(model) == model
    first.clear()
    second.clear()
    return started


@pytest.mark.parametrize("status", ["408", "429", "500", "502", "503", "504", "529"])
def test_what_passes_is_tried_again(shim: Routed, first: Upstream, status: str) -> None:
    first.script(status)
    assert shim.served("alone") == "alone"
    assert shim.tried() == [("alone", "you asked", "error"), ("alone", "you asked", "ok")]


@pytest.mark.parametrize("behaviour", ["400", "401", "404", "html", "garbage", "redirect"])
def test_what_does_not_pass_is_not_tried_again(
    shim: Routed, first: Upstream, behaviour: str
) -> None:
    first.script(behaviour)
    shim.error("alone", stream=True)
    assert len(first.chats) == 1


def test_after_the_last_try_the_fallback_answers_and_the_user_is_told(
    shim: Routed, first: Upstream
) -> None:
    first.script("503", "503", "503")
    assert shim.served("chained") == "other"
    asked = ("chained", "you asked", "error")
    assert shim.tried() == [asked, asked, asked, ("other", "fallback of chained", "ok")]
    wait_for(shim.notices)
    said = "`other` answered, for free (fallback of chained); `chained` did not answer: HTTP 503"
    assert shim.notices()[-1].startswith(said)


def test_an_upstream_whose_last_call_failed_gets_one_try(shim: Routed, first: Upstream) -> None:
    first.script("503", "503", "503", "503", "normal", "503")
    assert shim.served("chained") == "other"
    assert shim.served("chained") == "other"
    assert len(first.chats) == 4
    # One that worked is trusted again.
    assert shim.served("chained") == "chained"
    assert shim.tried() == [("chained", "you asked", "ok")]
    assert shim.served("chained") == "chained"
    assert len(first.chats) == 7


def test_retry_after_is_waited_for(shim: Routed, first: Upstream) -> None:
    first.script("429")
    before = time.monotonic()
    assert shim.served("alone") == "alone"
    assert time.monotonic() - before >= 1


def test_an_overload_that_a_stream_begins_with_is_tried_again(shim: Routed) -> None:
    home = shim.home.parent / "over"
    with Overloaded() as upstream, Routed(home, {"m": entry(upstream.url)}) as other:
        status, _, body = other.chat("m", stream=True)
        assert status == 200
        assert events(body)[-1] == "[DONE]"
        assert [end for _, _, end in other.tried()] == ["error", "ok"]


def test_nobody_is_asked_again_for_a_client_that_left(shim: Routed, first: Upstream) -> None:
    first.script("503", "503", "503")
    with socket.create_connection(("127.0.0.1", shim.port)) as client:
        body = json.dumps({"model": "alone", "messages": PROMPT}).encode()
        client.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{shim.port}\r\n"
            f"Authorization: Bearer {shim.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        first.wait_requests(1)
    wait_for(lambda: shim.rows("SELECT 1 WHERE NOT EXISTS"
                               " (SELECT 1 FROM exchanges WHERE status = 'open')"))  # fmt: skip
    asked = len(first.chats)
    time.sleep(2 * FIRST_S)
    assert len(first.chats) == asked <= 2


def test_each_try_of_a_paid_model_is_an_attempt_with_a_hold_of_its_own(
    shim: Routed, first: Upstream
) -> None:
    first.script("429", "429", "429")
    assert shim.served("dear") == "dear-too"
    assert [end for _, _, end in shim.tried()] == ["error", "error", "error", "ok"]
    sql = "SELECT * FROM holds WHERE exchange_id = (SELECT max(id) FROM exchanges) ORDER BY id"
    assert [row["state"] for row in shim.rows(sql)] == ["voided", "voided", "voided", "posted"]
    # Turned away costs nothing; the answer costs what its provider says.
    charges = shim.rows(sql.replace("holds", "charges"))
    assert [row["cash_nano"] for row in charges] == [11 * 3000 + 7 * 15000]


def test_a_slow_first_byte_leaves_time_for_the_fallback(
    first: Upstream, second: Upstream, tmp_path: Path
) -> None:
    models = {"slow": entry(first.url, fallbacks=["other"]), "other": entry(second.url)}
    first.clear()
    with Routed(tmp_path, models, limits={"first_s": 3}) as shim:
        first.script("hang")
        assert shim.served("slow", stream=True) == "other"
        first.release()
        assert [alias for alias, _, _ in shim.tried()] == ["slow", "other"]
        (row,) = shim.rows("SELECT duration_ms FROM attempts WHERE alias = 'slow'")
        assert 1000 < row["duration_ms"] < 3000


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (UpstreamError("x", None, sent=False, code=UNREACHABLE), True),
        (UpstreamError("the key is missing", None, sent=False), False),
        (UpstreamError("the connection broke"), False),
        (UpstreamError("Overloaded", 200), True),
        (UpstreamError("the answer is not JSON", 200), False),
        (UpstreamError("no money left", 429, code="insufficient_quota"), False),
        (UpstreamError("x", 503, code={"odd": 1}), True),  # type: ignore[arg-type]
        (UpstreamError("x", 425), True),
        (UpstreamError("x", 403), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: UpstreamError, again: bool) -> None:
    assert passes(error) is again


def test_pauses_grow_and_are_never_all_alike() -> None:
    retries = Retries(5)
    error = UpstreamError("busy", 503)
    pauses = [[retries.pause(error, number) for _ in range(50)] for number in range(1, 8)]
    for number, found in enumerate(pauses):
        most = min(MOST_S, FIRST_S * 2**number)
        assert most / 2 <= min(found) < max(found) <= most
        assert len(set(found)) > 10


def test_a_wish_beyond_all_patience_is_none_to_wait_for() -> None:
    retries = Retries(5)
    later = UpstreamError("busy", 429, retry_after=str(LONGEST_WISH_S + 1))
    assert retries.pause(later, 1) is None
    soon = UpstreamError("busy", 429, retry_after="7")
    assert retries.pause(soon, 1) == 7


def test_a_broken_request_says_nothing_of_its_upstream() -> None:
    retries, route = Retries(2), a_route(**FREE)
    retries.note(route, UpstreamError("bad", 400))
    assert retries.tries(route) == 3
    retries.note(route, UpstreamError("down", 503))
    assert retries.tries(route) == 1


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("3", 3, 3), ("1.5", 1.5, 1.5), (None, 0, 0), ("soon", 0, 0), ("-1", 0, 0), ("9" * 400, 0, 0),
     ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0)],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(text: str | None, least: float, most: float) -> None:
    assert least <= wish(text) <= most
    assert 500 < wish(formatdate(time.time() + 600)) <= 600


class Overloaded:
    """Begins its first stream with an error, as Anthropic does, and answers the next one."""

    ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error",' \
        b'"message":"Overloaded"}}\n\n'  # fmt: skip

    def __enter__(self) -> Overloaded:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listener.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def _serve(self) -> None:
        from tests.fakes.faulty import GOOD_END, SSE, WORDS, _read_request

        for answer in (SSE + self.ERROR, SSE + WORDS + GOOD_END):
            client, _ = self._listener.accept()
            with client:
                _read_request(client)
                client.sendall(answer)
