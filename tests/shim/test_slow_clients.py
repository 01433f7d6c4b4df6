"""Clients that take their time, or never say anything: none keeps the shim waiting for long."""

from __future__ import annotations

import contextlib
import json
import socket
import time

from tests.fakes.raw import CHAT, Answer, connected, headers, is_refused, message, until_closed
from tests.fakes.shim_client import PROMPT, Shim
from tests.fakes.upstream import Upstream


def test_headers_that_come_slowly_are_cut_off(guarded: Shim) -> None:
    with connected(guarded) as slow, connected(guarded) as silent:
        began = time.monotonic()
        slow.settimeout(0.05)
        slow.sendall(b"GET /healthz HTTP/1.1\r\n")
        while not _is_closed(slow):
            with contextlib.suppress(OSError):
                slow.sendall(b"X: y\r\n")
        assert until_closed(silent) == b""
        assert time.monotonic() - began < 4


def _is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True


def test_headers_of_a_second_request_that_come_slowly_are_cut_off(guarded: Shim) -> None:
    with connected(guarded) as client:
        fields = headers(guarded, Connection="keep-alive")
        client.sendall(message(fields, first="GET /v1/models HTTP/1.1"))
        began = time.monotonic()
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")
        client.sendall(b"GET /v1/models HTTP/1.1\r\nX: ")
        until_closed(client)
        assert time.monotonic() - began < 4


def test_a_body_that_comes_slowly_is_cut_off(guarded: Shim, upstream: Upstream) -> None:
    with connected(guarded) as client:
        client.sendall(message(headers(guarded), CHAT[:10]))
        is_refused(Answer(until_closed(client)), 400)
    assert not upstream.chats


def test_a_client_that_does_not_read_is_given_up_and_recorded(
    guarded: Shim, upstream: Upstream
) -> None:
    text, upstream.text = upstream.text, " ".join(["word" * 10_000] * 500)
    body = json.dumps({"model": "fake", "messages": PROMPT, "stream": True}).encode()
    try:
        with connected(guarded) as client:
            client.sendall(message(headers(guarded, Content_Length=str(len(body))), body))
            row = guarded.wait_row("SELECT * FROM exchanges WHERE status = 'aborted'")
            assert len(until_closed(client)) < len(upstream.text)
    finally:
        upstream.text = text
    assert row["output_tokens"] > 0
    upstream.wait(lambda: upstream.hangups == 1)


def test_silent_connections_do_not_keep_a_client_out(guarded: Shim) -> None:
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connected(guarded)) for _ in range(300)]
        assert guarded.chat()[0] == 200
        # The oldest had to leave.
        assert until_closed(crowd[0]) == b""
