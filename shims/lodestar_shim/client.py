"""The client of one exchange, however its request came in: how it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aiohttp import web

JSON = "application/json"
STREAM = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}


class Client(Protocol):
    """Answered once: either `whole`, or `begin`, any number of `write` and `end`.

    Each raises ConnectionError where the client has left.
    """

    headers: Mapping[str, str]

    async def whole(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a JSON answer."""

    async def begin(self, headers: Mapping[str, str]) -> None:
        """Send the headers of a stream of events."""

    async def write(self, chunk: bytes) -> None:
        """Send some of a stream."""

    async def end(self) -> None:
        """The stream is complete; a second call does nothing."""

    def abort(self) -> None:
        """Break the connection, so that half an answer is not taken for a whole one."""


class WebClient:
    """The client behind a request that aiohttp has parsed."""

    def __init__(self, http: web.Request) -> None:
        self.headers: Mapping[str, str] = http.headers
        self._http = http
        self.response = web.StreamResponse()

    async def whole(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a JSON answer."""
        self.response = web.Response(body=body, content_type=JSON, headers=headers)
        await self.response.prepare(self._http)
        await self.response.write_eof()

    async def begin(self, headers: Mapping[str, str]) -> None:
        """Send the headers of a stream of events."""
        self.response = web.StreamResponse(headers={**STREAM, **headers})
        await self.response.prepare(self._http)

    async def write(self, chunk: bytes) -> None:
        """Send some of a stream."""
        await self.response.write(chunk)

    async def end(self) -> None:
        """The stream is complete."""
        await self.response.write_eof()

    def abort(self) -> None:
        """Break the connection."""
        if self._http.transport is not None:
            self._http.transport.abort()
