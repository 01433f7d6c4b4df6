"""A stream of server-sent events in OpenAI's shape."""

from __future__ import annotations

import json
import logging
from types import TracebackType

from aiohttp import web

from lodestar_engine.errors import ApiError

HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
log = logging.getLogger(__name__)


class EventStream:
    """Events to one client. A stream that fails is cut off, never ended cleanly."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.response = web.StreamResponse(headers=HEADERS)

    async def __aenter__(self) -> EventStream:
        await self.response.prepare(self._request)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None:
            return False
        # A clean end would make half an answer look whole: Aider would apply it.
        if self._request.transport is not None:
            self._request.transport.abort()
        if isinstance(error, ApiError):
            log.warning("stream cut off: %s", error)
        # The status line is out, so there is nobody left to tell; a cancellation goes on.
        return isinstance(error, (ApiError, ConnectionError))

    async def comment(self, text: str) -> None:
        """A line that clients skip, so that nothing on the way takes us for dead."""
        await self.response.write(f": {text}\n\n".encode())

    async def send(self, data: dict[str, object]) -> None:
        await self.response.write(f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode())

    async def finish(self) -> None:
        await self.response.write(b"data: [DONE]\n\n")
        await self.response.write_eof()
