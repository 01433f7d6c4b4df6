"""HTTP written by hand, for what no client library would send."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from tests.fakes.shim_client import PROMPT, Shim

CHAT = json.dumps({"model": "fake", "messages": PROMPT}).encode()
Header = tuple[str, str]


def headers(shim: Shim, without: str = "", **extra: str) -> list[Header]:
    """The headers of a good request; `Content_Length="5"` adds one or says another."""
    given = {name.replace("_", "-"): value for name, value in extra.items()}
    good = {
        "Host": f"127.0.0.1:{shim.port}",
        "Authorization": f"Bearer {shim.token}",
        "Content-Type": "application/json",
        "Content-Length": str(len(CHAT)),
        "Connection": "close",
    }
    return [(name, value) for name, value in {**good, **given}.items() if name != without]


def message(
    fields: Sequence[Header], body: bytes = CHAT, first: str = "POST /v1/chat/completions HTTP/1.1"
) -> bytes:
    """The bytes of a request."""
    lines = [first, *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@contextlib.contextmanager
def connected(shim: Shim, timeout: float = 10) -> Iterator[socket.socket]:
    """A connection to the shim; reading from it fails after `timeout` seconds."""
    with socket.create_connection(("127.0.0.1", shim.port), timeout) as client:
        yield client


def until_closed(client: socket.socket) -> bytes:
    """All bytes up to the end of the connection, however it ends."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(1 << 16):
            received += chunk
    return received


def ask(shim: Shim, raw: bytes) -> Answer:
    """Send the bytes and read what is answered, until the shim closes the connection."""
    with connected(shim) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(raw)
        return Answer(until_closed(client))


class Answer:
    """What came back, possibly nothing, possibly more than one answer."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.head, _, self.body = raw.partition(b"\r\n\r\n")
        self.count = raw.count(b"HTTP/")

    @property
    def status(self) -> int:
        """The status, 0 where there is no answer."""
        return int(self.head.split(b" ", 2)[1]) if self.raw else 0

    @property
    def error(self) -> dict[str, Any]:
        """The error of OpenAI's envelope."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error


def is_refused(answer: Answer, *statuses: int) -> None:
    """Assert that there is one answer, an error, which no web page may read."""
    assert answer.status in statuses
    assert answer.count == 1
    assert b"access-control-" not in answer.head.lower()
    if answer.body:
        assert answer.error["type"] == "invalid_request_error"
