"""Passing an answer on: its bytes untouched, read by a tee on the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.helpers import ceil_timeout
from aiohttp.http_exceptions import HttpProcessingError

from lodestar_shim.asker import Asker
from lodestar_shim.gates import Gates
from lodestar_shim.limits import Limits
from lodestar_shim.tee import Tee
from lodestar_shim.upstream import TOO_SLOW, UpstreamError

ANSWER_LIMIT = 8 << 20
STREAM_LIMIT = 64 << 20
HEAD_LIMIT = 4 << 20
_OVERRUN = "a limit stopped the answer"


class ClientGoneError(Exception):
    """The client hung up."""


class StreamBrokenError(Exception):
    """The answer broke off after its first bytes went to the client.

    `final` means that asking again would break off again: the client is told to stop.
    """

    def __init__(self, reason: str, response: web.StreamResponse, final: bool = False) -> None:
        super().__init__(reason)
        self.response = response
        self.final = final


class Relay:
    """One answer on its way to the client; from now on `first_s` runs."""

    def __init__(
        self, asker: Asker, tee: Tee, gates: Gates, headers: Mapping[str, str], limits: Limits
    ) -> None:
        self._asker = asker
        self._tee = tee
        self._gates = gates
        self._headers = dict(headers)
        self._first_by = time.monotonic() + limits.first_s
        self._tail_s = limits.tail_s
        self.first_ms: int | None = None
        """UTC-free monotonic milliseconds of the first event, None before it."""
        self.overran = False
        """Whether the answer was stopped because it was far larger than it may be."""

    async def whole(self, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        """Pass on a JSON answer. Raises UpstreamError where it is none, or ClientGoneError."""
        body = await self._in_time(self._body(answer))
        self.first_ms = time.monotonic_ns() // 1_000_000
        self._tee.feed_json(body)
        if self._tee.error:
            raise UpstreamError(self._tee.error, 200)
        self._heard()
        return web.Response(body=body, content_type="application/json", headers=self._headers)

    async def stream(self, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        """Pass on an SSE stream.

        Raises UpstreamError before the first event has gone out, StreamBrokenError after it,
        ClientGoneError when nobody listens any more.
        """
        chunks = answer.content.iter_any().__aiter__()
        head = await self._in_time(self._first_event(chunks))
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-cache",
                **self._headers,
            }
        )
        await self._send(response, head, prepare=True)
        try:
            if not self._tee.done:
                await self._rest(chunks, response, len(head))
            await self._tail(chunks)
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            # Where only the tail is missing, the answer is whole: nobody need pay for it twice.
            if not self._tee.complete:
                raise StreamBrokenError(str(error) or type(error).__name__, response) from error
            await self._send(response, b"" if self._tee.done else b"\n\ndata: [DONE]\n\n")
        if not self._tee.complete:
            reason = self._tee.error or "the stream ended without a finish_reason"
            raise StreamBrokenError(reason, response)
        self._heard()
        return response

    async def _first_event(self, chunks: AsyncIterator[bytes]) -> bytes:
        """The bytes up to the first choice, held back so that a bad start can fail over."""
        head = bytearray()
        async for chunk in chunks:
            head += chunk
            self._tee.feed(chunk)
            if self._tee.error:
                raise UpstreamError(self._tee.error, 200)
            if len(head) > HEAD_LIMIT:
                raise UpstreamError("the stream begins with too much that is no event", 200)
            if self._tee.answers and (self._tee.done or head.endswith(b"\n")):
                self.first_ms = time.monotonic_ns() // 1_000_000
                return bytes(head)
        raise UpstreamError("the stream ended before it began", 200)

    async def _in_time(self, beginning: Coroutine[Any, Any, bytes]) -> bytes:
        try:
            # No task of its own: by its first step the connection may have broken, and what had
            # come would be lost.
            async with ceil_timeout(max(0.001, self._first_by - time.monotonic())):
                return await beginning
        except asyncio.TimeoutError as error:
            raise UpstreamError(TOO_SLOW, 200) from error

    async def _rest(
        self, chunks: AsyncIterator[bytes], response: web.StreamResponse, received: int
    ) -> None:
        held = bytearray()
        async for chunk in chunks:
            received += len(chunk)
            # Read before it is passed on: an error event makes Aider ask again for a minute.
            self._tee.feed(chunk)
            if self._tee.error:
                raise StreamBrokenError(self._tee.error, response)
            # Whole lines only: a stream that breaks inside one could not be ended properly.
            lines, newline, rest = chunk.rpartition(b"\n")
            if newline:
                await self._send(response, bytes(held) + lines + newline)
                held.clear()
            held += rest
            if received > STREAM_LIMIT:
                self.overran = True
                raise StreamBrokenError("the answer is larger than 64 MiB", response, final=True)
            if not self._gates.progress(received):
                self.overran = True
                raise StreamBrokenError(_OVERRUN, response, final=True)
            if self._tee.done:
                break
        await self._send(response, bytes(held))

    async def _tail(self, chunks: AsyncIterator[bytes]) -> None:
        """Read to the end, so that the connection can serve again, unless there is none."""
        with contextlib.suppress(asyncio.TimeoutError):
            async with ceil_timeout(self._tail_s):
                async for _ in chunks:
                    continue

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > ANSWER_LIMIT:
                self.overran = True
                raise UpstreamError("the answer is larger than 8 MiB", 200)
            if not self._gates.progress(len(body)):
                self.overran = True
                raise UpstreamError(_OVERRUN, 200)
        return bytes(body)

    async def _send(
        self, response: web.StreamResponse, chunk: bytes, prepare: bool = False
    ) -> None:
        if self._asker.gone:
            return
        try:
            if prepare:
                await response.prepare(self._asker.http)
            if chunk:
                await response.write(chunk)
        except (ConnectionError, aiohttp.ClientError) as error:
            # What a paid answer cost comes at its end.
            self._asker.gone = True
            if not self._asker.billed:
                raise ClientGoneError from error

    def _heard(self) -> None:
        if self._asker.gone:
            raise ClientGoneError


def abort(http: web.Request) -> None:
    """Break the connection, so that the client does not take half an answer for a whole one."""
    if http.transport is not None:
        http.transport.abort()


async def end_with_length(response: web.StreamResponse, model: str) -> None:
    """End a broken stream as cut off: Aider keeps the text, applies nothing, asks nothing again."""
    chunk = {
        "id": "lodestar-cut",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}],
    }
    with contextlib.suppress(ConnectionError):
        await response.write(b"\n\ndata: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n")
