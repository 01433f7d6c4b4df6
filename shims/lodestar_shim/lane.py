"""The fast lane: a plain chat request on a connection, read and answered without aiohttp.

Only what is beyond doubt is read here: one request line, plain headers, none of them twice, a
length, the token. Whatever is different in any way goes to aiohttp from its first byte on, and
meets there the checks and the words for what is wrong with it.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

from lodestar_shim.client import JSON, STREAM
from lodestar_shim.errors import ShimError
from lodestar_shim.http_head import head

if TYPE_CHECKING:
    from lodestar_shim.auth import Rules
    from lodestar_shim.connection import Connection

_START = b"POST /v1/chat/completions HTTP/1.1\r\n"
_HEAD_LIMIT = 8 << 10
_AHEAD_LIMIT = 64 << 10
"""Bytes of a further request that may wait while one is answered."""
_HEADER = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([\x20-\x7e]*)")
_LENGTH = re.compile(r"[0-9]{1,8}\Z")
_OTHERWISE = frozenset(
    {"transfer-encoding", "content-encoding", "expect", "upgrade", "origin", "te", "trailer"}
)
Serve = Callable[["LaneClient", bytes], Awaitable[None]]


@dataclass(frozen=True)
class Entry:
    """Who may use the lane of one shim, and what answers there."""

    rules: Rules
    body: int
    body_s: float
    serve: Serve

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether nothing at all is unusual about a request with these headers."""
        given = headers.get("Authorization", "").encode()
        kind = headers.get("Content-Type", "").partition(";")[0].rstrip().lower()
        return (
            headers.get("Host") in self.rules.hosts
            and hmac.compare_digest(given, self.rules.expected)
            and kind == JSON
            and headers.get("Sec-Fetch-Site", "none") == "none"
            and headers.get("Connection", "keep-alive").lower() in ("keep-alive", "close")
            and _LENGTH.match(headers.get("Content-Length", "")) is not None
            and int(headers["Content-Length"]) <= self.body
        )


class LaneClient:
    """Who sent a request through the lane."""

    def __init__(
        self, connection: Connection, headers: Mapping[str, str], ended: Callable[[], None]
    ):
        self.headers = headers
        self.ended = False
        self._begun = False
        self._connection = connection
        self._when_ended = ended

    async def whole(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a JSON answer."""
        length = {"Content-Type": JSON, **headers, "Content-Length": str(len(body))}
        await self._send(_head("200 OK", length) + body)
        self._end()

    async def begin(self, headers: Mapping[str, str]) -> None:
        """Send the headers of a stream of events, with its first bytes."""
        self._begun = True
        chunked = {**STREAM, **headers, "Transfer-Encoding": "chunked"}
        await self._send(_head("200 OK", chunked))

    async def write(self, chunk: bytes) -> None:
        """Send some of a stream."""
        if chunk:
            await self._send(b"%x\r\n%b\r\n" % (len(chunk), chunk))

    async def end(self) -> None:
        """The stream is complete."""
        if not self.ended:
            await self._send(b"0\r\n\r\n")
            self._end()

    async def fail(self, error: ShimError) -> None:
        """Answer with an error, or break what has begun."""
        if self.ended:
            return  # It has its answer, and may be asking again.
        if self._begun:
            self.abort()
            return
        response = error.response()
        body = response.body if isinstance(response.body, bytes) else b""
        named = {**response.headers, "Content-Length": str(len(body))}
        await self._send(_head(f"{response.status} {response.reason}", named) + body)
        self._end()

    def abort(self) -> None:
        """Break the connection."""
        if self._connection.transport is not None:
            self._connection.transport.abort()

    async def _send(self, data: bytes) -> None:
        transport = self._connection.transport
        if transport is None or transport.is_closing() or self.ended:
            raise ConnectionResetError("the client has left")
        transport.write(data)
        if self._connection.writing_paused:
            await self._connection._drain_helper()

    def _end(self) -> None:
        self.ended = True
        self._when_ended()


class Lane:
    """The requests of one connection, one after the other, until one is not plain."""

    def __init__(
        self, connection: Connection, entry: Entry, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._connection = connection
        self._entry = entry
        self._loop = loop
        self._received = bytearray()
        self._client: LaneClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._slow: asyncio.TimerHandle | None = None
        self._head: tuple[Mapping[str, str], int, int] | None = None
        self._last = self._left = False

    @property
    def busy(self) -> bool:
        """Whether a request is answered now."""
        return self._client is not None

    def takes(self, data: bytes) -> bool:
        """Take the bytes of plain requests; False where aiohttp is to have them, all so far."""
        if self._left:
            return False
        self._received += data
        if self.busy:
            if len(self._received) > _AHEAD_LIMIT:
                self._connection.pause_reading()
            return True
        return self._advance()

    def handed_over(self) -> bytes:
        """What was received and is nobody's yet; from now on nothing is taken any more."""
        self._left = True
        self._wait_no_more()
        received = bytes(self._received)
        self._received.clear()
        return received

    def close(self) -> None:
        """Close the connection after the answer that is under way."""
        self._last = True

    async def shutdown(self, timeout_s: float | None) -> None:
        """See the answer that is under way to its end."""
        if self._task is not None and self.busy:
            await asyncio.wait({self._task}, timeout=timeout_s)

    def lost(self) -> None:
        """The client has left."""
        self._left = True
        self._wait_no_more()
        if self.busy and self._task is not None:
            self._task.cancel()

    def _advance(self) -> bool:
        if self._head is None:
            if not _START.startswith(bytes(self._received[: len(_START)])):
                return False
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return len(self._received) <= _HEAD_LIMIT
            headers = _plain(bytes(self._received[len(_START) : end]))
            if headers is None or not self._entry.admits(headers):
                return False
            self._head = headers, end + 4, end + 4 + int(headers["Content-Length"])
            self._connection.heard()
        headers, start, end = self._head
        if len(self._received) < end:
            if self._slow is None:
                self._slow = self._loop.call_later(self._entry.body_s, self._connection.slow)
            return True
        self._wait_no_more()
        body = bytes(self._received[start:end])
        del self._received[:end]
        self._head = None
        self._last = self._last or headers.get("Connection", "").lower() == "close"
        self._client = LaneClient(self._connection, headers, self._ended)
        self._task = self._loop.create_task(self._answer(self._client, body))
        return True

    async def _answer(self, client: LaneClient, body: bytes) -> None:
        try:
            await self._entry.serve(client, body)
        except ConnectionError:
            pass  # Nobody is there to be told.
        finally:
            if not client.ended:
                client.abort()

    def _ended(self) -> None:
        self._client = None
        if self._last:
            self._connection.force_close()
            return
        self._connection.waits()
        self._connection.resume_reading()
        if self._received and not self._advance():
            self._connection.slow()

    def _wait_no_more(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None


def _plain(head: bytes) -> Mapping[str, str] | None:
    """The headers, None where one is unusual or there twice."""
    headers: CIMultiDict[str] = CIMultiDict()
    for line in head.split(b"\r\n"):
        found = _HEADER.fullmatch(line)
        if found is None:
            return None
        name = found[1].decode("ascii")
        if name in headers or name.lower() in _OTHERWISE:
            return None
        headers[name] = found[2].rstrip(b" \t").decode("ascii")
    return headers


def _head(status: str, headers: Mapping[str, str]) -> bytes:
    return head(f"HTTP/1.1 {status}", {**headers, "Date": rfc822_formatted_time()})
