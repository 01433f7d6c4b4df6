"""An HTTP server of bare sockets that answers with given bytes, and ends as it is told.

with Wire() as provider:
    provider.answer = lambda got: [head("application/json"), b"{}"]
    provider.end = "rst"
    ...                               # talk to provider.url
    assert provider.requests[0].body["model"] == "m"
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.faulty import head
from tests.fakes.shim_client import wait_for

__all__ = ["PAUSE", "Got", "Wire", "head"]
PAUSE = b""
"""Among the chunks of an answer: wait for `go_on`."""
PATIENCE_S = 30


@dataclass(frozen=True)
class Got:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes = field(repr=False)
    at: float = field(default_factory=time.monotonic)

    @property
    def body(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.raw)


class Wire:
    """Answers every request by `answer`, then ends the connection by `end`.

    `end` is `close`, `keep` (as the headers say), `rst`, `halfclose` or `stall`.
    """

    def __init__(self) -> None:
        self.answer: Callable[[Got], Iterable[bytes]] = lambda _: [head("application/json"), b"{}"]
        self.end = "close"
        self.requests: list[Got] = []
        self.hung_up = threading.Event()
        self.go_on = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._leaving = threading.Event()

    def __enter__(self) -> Wire:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self.go_on.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    @property
    def address(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        """The base URL of an OpenAI-compatible server, /v1 included."""
        return f"{self.address}/v1"

    def clear(self) -> None:
        """As new."""
        self.requests.clear()
        self.hung_up.clear()
        self.go_on.clear()
        self.end = "close"

    def wait_requests(self, count: int) -> None:
        """Wait until so many requests have arrived."""
        wait_for(lambda: len(self.requests) >= count, PATIENCE_S)

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._start(self._serve, self._listener.accept()[0])

    def _serve(self, client: socket.socket) -> None:
        with client:
            client.settimeout(PATIENCE_S)
            try:
                for got in _requests(client):
                    self.requests.append(got)
                    self._send(client, self.answer(got))
                    self._finish(client)
                    if self.end != "keep":
                        return
            except OSError:
                self.hung_up.set()

    def _send(self, client: socket.socket, chunks: Iterable[bytes]) -> None:
        for chunk in chunks:
            if chunk == PAUSE:
                self._wait(client)
            client.sendall(chunk)

    def _wait(self, client: socket.socket) -> None:
        """Until told to go on, or until the other side hangs up."""
        client.settimeout(0.02)
        try:
            while not self.go_on.is_set():
                with contextlib.suppress(TimeoutError):
                    if not client.recv(1):
                        raise ConnectionResetError
        finally:
            client.settimeout(PATIENCE_S)

    def _finish(self, client: socket.socket) -> None:
        if self.end == "rst":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.end in ("halfclose", "stall"):
            if self.end == "halfclose":
                client.shutdown(socket.SHUT_WR)
            self._wait(client)


def _requests(client: socket.socket) -> Iterator[Got]:
    """The requests of one connection."""
    rest = b""
    while True:
        while b"\r\n\r\n" not in rest:
            chunk = client.recv(1 << 16)
            if not chunk:
                return
            rest += chunk
        start, _, rest = rest.partition(b"\r\n\r\n")
        lines = start.decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        headers = {name.lower(): value for name, value in fields.items()}
        size = int(headers.get("content-length", 0))
        while len(rest) < size:
            rest += client.recv(1 << 16)
        method, path, _ = lines[0].split(" ")
        yield Got(method, path, headers, rest[:size])
        rest = rest[size:]
