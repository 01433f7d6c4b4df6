"""What anybody on this machine can send to the shim's port, and what they get."""

from __future__ import annotations

import contextlib
import gzip
import time

import pytest

from tests.fakes.raw import CHAT, Header, ask, connected, headers, is_refused, message, until_closed
from tests.fakes.shim_client import Shim
from tests.fakes.upstream import Upstream


@pytest.mark.parametrize(
    "token",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic {token}", "{token}", "Bearer {prefix}",
     "Bearer {token}x", "Bearer {token} {token}", "bearer {token}", "Bearer {long}"],
)  # fmt: skip
def test_a_token_that_is_not_exactly_right_is_none(
    guarded: Shim, upstream: Upstream, token: str
) -> None:
    given = token.format(
        token=guarded.token, prefix=guarded.token[:-1], long=guarded.token + "x" * 7000
    )
    is_refused(ask(guarded, message(headers(guarded, Authorization=given))), 401)
    assert not upstream.chats


def test_a_token_elsewhere_does_not_count(guarded: Shim, upstream: Upstream) -> None:
    for place in (
        f"?token={guarded.token}",
        f"?api_key={guarded.token}",
        f"?Authorization={guarded.token}",
    ):
        first = f"POST /v1/chat/completions{place} HTTP/1.1"
        is_refused(ask(guarded, message(headers(guarded, "Authorization"), first=first)), 401)
    fields = [
        *headers(guarded, Authorization="Bearer no"),
        ("Authorization", f"Bearer {guarded.token}"),
    ]
    is_refused(ask(guarded, message(fields)), 401)
    is_refused(ask(guarded, message(list(reversed(fields)))), 401)
    fields = [*headers(guarded, "Authorization"), ("Cookie", f"token={guarded.token}")]
    is_refused(ask(guarded, message(fields)), 401)
    assert not upstream.chats


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.:{port}",
             "127.0.0.1:{port}@evil.example", "[::1]:{port}", "0.0.0.0:{port}", ""]
)  # fmt: skip
def test_another_host_is_not_served(guarded: Shim, upstream: Upstream, host: str) -> None:
    given = headers(guarded, Host=host.format(port=guarded.port))
    is_refused(ask(guarded, message(given)), 421, 400)
    is_refused(ask(guarded, message(given, b"", "GET /healthz HTTP/1.1")), 421, 400)
    assert not upstream.chats


def test_no_host_and_two_hosts_are_not_served(guarded: Shim, upstream: Upstream) -> None:
    good = headers(guarded)
    is_refused(ask(guarded, message(headers(guarded, "Host"))), 421, 400)
    is_refused(ask(guarded, message([("Host", "evil.example"), *good])), 421, 400)
    is_refused(ask(guarded, message([*good, ("Host", "evil.example")])), 421, 400)
    is_refused(ask(guarded, message([*good, good[0]])), 421, 400)
    assert not upstream.chats


@pytest.mark.parametrize(
    "first",
    [
        "POST http://evil.example/v1/chat/completions HTTP/1.1",
        "POST http://127.0.0.1:{port}/v1/chat/completions HTTP/1.1",
        "POST //evil.example/v1/chat/completions HTTP/1.1",
        "GET http://evil.example/healthz HTTP/1.1",
        "CONNECT evil.example:443 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "POST /v1/chat/completions/../../lodestar/v1/events HTTP/1.1",
        "POST v1/chat/completions HTTP/1.1",
    ],
)
def test_a_target_that_is_not_one_of_the_paths_is_not_served(
    guarded: Shim, upstream: Upstream, first: str
) -> None:
    answer = ask(guarded, message(headers(guarded), first=first.format(port=guarded.port)))
    if answer.raw or not first.startswith("CONNECT"):
        is_refused(answer, 421, 404, 400)
    assert not upstream.chats


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "DELETE", "GET", "HEAD"])
def test_other_methods_are_not_served_and_no_page_may_read_the_answer(
    guarded: Shim, upstream: Upstream, method: str
) -> None:
    first = f"{method} /v1/chat/completions HTTP/1.1"
    asked = [("Access-Control-Request-Method", "POST")]
    is_refused(ask(guarded, message([*headers(guarded), *asked], first=first)), 405)
    preflight = [*headers(guarded, "Authorization"), *asked, ("Origin", "https://evil.example")]
    is_refused(ask(guarded, message(preflight, first=first)), 403)
    assert not upstream.chats


@pytest.mark.parametrize(
    ("field", "status"),
    [
        (("Origin", "https://evil.example"), 403),
        (("Origin", "null"), 403),
        (("Origin", "http://127.0.0.1:{port}"), 403),
        (("Sec-Fetch-Site", "same-origin"), 403),
        (("Content-Type", "text/plain"), 415),
        (("Content-Type", "text/plain; application/json"), 415),
        (("Content-Type", "application/x-www-form-urlencoded"), 415),
        (("Content-Type", "multipart/form-data; boundary=x"), 415),
        (("Content-Encoding", "gzip"), 415),
        (("Content-Encoding", "deflate"), 415),
    ],
)
def test_what_a_web_page_could_sendis_refused(
    guarded: Shim, upstream: Upstream, field: Header, status: int
) -> None:
    name, value = field[0], field[1].format(port=guarded.port)
    is_refused(ask(guarded, message([*headers(guarded, name), (name, value)])), status)
    assert not upstream.chats


SMUGGLED = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("without", "fields", "body"),
    [
        ("", [("Transfer-Encoding", "chunked")], b"0\r\n\r\n" + SMUGGLED),
        ("", [("Content-Length", "5")], CHAT),
        ("Content-Length", [("Content-Length", "+7")], CHAT),
        ("Content-Length", [("Content-Length", "-1")], CHAT),
        ("Content-Length", [("Content-Length", "0x10")], CHAT),
        ("Content-Length", [("Content-Length", "1_0")], CHAT),
        ("Content-Length", [("Content-Length", "5, 5")], CHAT),
        ("Content-Length", [("Content-Length", "9" * 30)], CHAT),
        ("Content-Length", [("Content-Length", "")], CHAT),
        ("Content-Length", [("Transfer-Encoding", "chunked")], b"zz\r\n{}\r\n0\r\n\r\n"),
        ("Content-Length", [("Transfer-Encoding", "chunked")], b"-2\r\n{}\r\n0\r\n\r\n"),
        ("Content-Length", [("Transfer-Encoding", "chunked")], b"f" * 17 + b"\r\n{}"),
        ("Content-Length", [("Transfer-Encoding", "chunked")], b"2\n{}\n0\n\n"),
        ("Content-Length", [("Transfer-Encoding", "chunked")], b"2\r\n{}XX0\r\n\r\n"),
        ("Content-Length", [("Transfer-Encoding", "chunked, gzip")], b"2\r\n{}\r\n0\r\n\r\n"),
        ("Content-Length", [("Transfer-Encoding", "xchunked")], b"2\r\n{}\r\n0\r\n\r\n"),
        ("", [("X ", "space before the colon")], CHAT),
        ("", [("X", "folded\r\n over lines")], CHAT),
        ("", [("X", "nul\0inside")], CHAT),
        ("", [("X", "bare\rreturn")], CHAT),
        ("", [("X", "bare\nY: newline")], CHAT),
        ("", [("X", "y" * (1 << 20))], CHAT),
        ("", [("X" * (1 << 20), "y")], CHAT),
        ("", [(f"X-{number}", "y" * 4000) for number in range(256)], CHAT),
        ("", [("x", "y")] * 200_000, CHAT),
    ],
)
def test_bad_framing_is_refused_and_nothing_is_smuggled(
    guarded: Shim, upstream: Upstream, without: str, fields: list[Header], body: bytes
) -> None:
    began = time.monotonic()
    answer = ask(guarded, message([*headers(guarded, without), *fields], body))
    # A closed connection is an answer, too: where it is reset, the client may not see the other.
    if answer.raw:
        is_refused(answer, 400, 431)
    assert time.monotonic() - began < 5
    assert not [chat for chat in upstream.chats if chat.body]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST " + b"x" * (1 << 20) + b" HTTP/1.1\r\n\r\n",
        b"\r\n" * 100_000 + b"x",
    ],
)
def test_what_is_not_httpis_refused(guarded: Shim, raw: bytes) -> None:
    answer = ask(guarded, raw)
    if answer.raw:
        is_refused(answer, 400, 421, 431)


def test_trailers_without_end_are_cut_off(guarded: Shim, upstream: Upstream) -> None:
    fields = [*headers(guarded, "Content-Length"), ("Transfer-Encoding", "chunked")]
    with connected(guarded) as client:
        client.sendall(message(fields, b"2\r\n{}\r\n0\r\n"))
        with pytest.raises(ConnectionError):
            client.sendall(b"x: y\r\n" * 10_000_000)
    assert not upstream.chats


def test_a_body_over_the_limitis_refused(guarded: Shim, upstream: Upstream) -> None:
    body = b'{"model": "' + b"x" * (9 << 20) + b'"}'
    answer = ask(guarded, message(headers(guarded, Content_Length=str(len(body))), body))
    is_refused(answer, 413)
    assert answer.error["message"].startswith("\n\n")
    chunks = b"".join(b"100000\r\n%b\r\n" % (b"x" * (1 << 20)) for _ in range(9))
    fields = [*headers(guarded, "Content-Length"), ("Transfer-Encoding", "chunked")]
    is_refused(ask(guarded, message(fields, chunks + b"0\r\n\r\n")), 413)
    assert not upstream.chats


def test_a_compressed_body_is_never_inflated(guarded: Shim, upstream: Upstream) -> None:
    bomb = gzip.compress(bytes(128 << 20), 1)
    for without in ("", "Authorization"):
        fields = headers(guarded, without, Content_Length=str(len(bomb)), Content_Encoding="gzip")
        is_refused(ask(guarded, message(fields, bomb)), 415 if not without else 401)
    assert not upstream.chats


def test_guessing_a_token_leads_nowhere(guarded: Shim, upstream: Upstream) -> None:
    stay = {"Connection": "keep-alive", "Content_Length": "0"}
    raw = message(headers(guarded, Authorization="Bearer guess", **stay), b"")
    with connected(guarded) as client:
        with contextlib.suppress(OSError):
            client.sendall(raw * 1000)
        received = until_closed(client)
    # One guess a connection.
    assert received.count(b"HTTP/1.1 401") == 1
    assert not upstream.chats
