"""Passing an answer on: its bytes untouched, read by a tee on the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from typing import Any

import aiohttp
from aiohttp.helpers import ceil_timeout
from aiohttp.http_exceptions import HttpProcessingError

from lodestar_shim.asker import Asker
from lodestar_shim.client import Client
from lodestar_shim.gates import Gates
from lodestar_shim.http_client import Answer
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

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class Relay:
    """One answer on its way to the client; from now on `first_s` runs."""

    def __init__(
        self,
        asker: Asker,
        tee: Tee,
        gates: Gates,
        headers: Mapping[str, str],
        first_s: float,
        tail_s: float,
    ) -> None:
        self._asker = asker
        self._tee = tee
        self._gates = gates
        self._headers = dict(headers)
        self._first_by = time.monotonic() + first_s
        self._tail_s = tail_s
        self.first_ms: int | None = None
        """UTC-free monotonic milliseconds of the first event, None before it."""
        self.overran = False
        """Whether the answer was stopped because it was far larger than it may be."""

    async def whole(self, answer: Answer) -> None:
        """Pass on a JSON answer. Raises UpstreamError where it is none, or ClientGoneError."""
        body = await self._in_time(self._body(answer))
        self.first_ms = time.monotonic_ns() // 1_000_000
        self._tee.feed_json(body)
        if self._tee.error:
            raise UpstreamError(self._tee.error, 200)
        if not self._asker.gone:
            with self._listened():
                await self._asker.client.whole(body, self._headers)
        self._heard()

    async def stream(self, answer: Answer) -> None:
        """Pass on an SSE stream.

        Raises UpstreamError before the first event has gone out, StreamBrokenError after it,
        ClientGoneError when nobody listens any more.
        """
        chunks = answer.content.iter_any().__aiter__()
        head = await self._in_time(self._first_event(chunks))
        if not self._asker.gone:
            with self._listened():
                await self._asker.client.begin(self._headers)
        await self._send(head)
        try:
            if not self._tee.done:
                await self._rest(chunks, len(head))
            if self._tee.complete:
                # Nobody waits for what may follow.
                await self._end()
            await self._tail(chunks)
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            # Where only the tail is missing, the answer is whole: nobody need pay for it twice.
            if not self._tee.complete:
                raise StreamBrokenError(str(error) or type(error).__name__) from error
            await self._send(b"" if self._tee.done else b"\n\ndata: [DONE]\n\n")
        if not self._tee.complete:
            reason = self._tee.error or "the stream ended without a finish_reason"
            raise StreamBrokenError(reason)
        await self._end()
        self._heard()

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

    async def _rest(self, chunks: AsyncIterator[bytes], received: int) -> None:
        held = bytearray()
        async for chunk in chunks:
            received += len(chunk)
            # Read before it is passed on: an error event makes Aider ask again for a minute.
            self._tee.feed(chunk)
            if self._tee.error:
                raise StreamBrokenError(self._tee.error)
            # Whole lines only: a stream that breaks inside one could not be ended properly.
            lines, newline, rest = chunk.rpartition(b"\n")
            if newline:
                await self._send(bytes(held) + lines + newline)
                held.clear()
            held += rest
            if received > STREAM_LIMIT:
                self.overran = True
                raise StreamBrokenError("the answer is larger than 64 MiB", final=True)
            if not self._gates.progress(received):
                self.overran = True
                raise StreamBrokenError(_OVERRUN, final=True)
            if self._tee.done:
                break
        await self._send(bytes(held))

    async def _tail(self, chunks: AsyncIterator[bytes]) -> None:
        """Read to the end, so that the connection can serve again, unless there is none."""
        with contextlib.suppress(asyncio.TimeoutError):
            async with ceil_timeout(self._tail_s):
                async for _ in chunks:
                    continue

    async def _body(self, answer: Answer) -> bytes:
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

    async def _send(self, chunk: bytes) -> None:
        if chunk and not self._asker.gone:
            with self._listened():
                await self._asker.client.write(chunk)

    async def _end(self) -> None:
        if not self._asker.gone:
            with self._listened():
                await self._asker.client.end()

    @contextlib.contextmanager
    def _listened(self) -> Iterator[None]:
        """Note that nobody listens any more; what a paid answer cost comes at its end."""
        try:
            yield
        except (ConnectionError, aiohttp.ClientError) as error:
            self._asker.gone = True
            if not self._asker.billed:
                raise ClientGoneError from error

    def _heard(self) -> None:
        if self._asker.gone:
            raise ClientGoneError


async def end_with_length(client: Client, model: str) -> None:
    """End a broken stream as cut off: Aider keeps the text, applies nothing, asks nothing again."""
    chunk = {
        "id": "lodestar-cut",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}],
    }
    with contextlib.suppress(ConnectionError):
        await client.write(b"\n\ndata: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n")
        await client.end()
