"""An upstream's connection that trusts no answer's framing: headers, chunks, a second answer."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import ClientPayloadError, StreamReader
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError

from lodestar_shim.framing import Framing


class Reply(ResponseHandler):
    """aiohttp's handler of an answer, with what it lacks."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._framing = Framing()
        self._content: StreamReader | None = None

    def set_response_params(self, **params: Any) -> None:
        """A request was sent; its answer begins."""
        self._content = None
        self._framing.begins(None)
        super().set_response_params(**params)

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """The headers of an answer are complete; after 100 to 199 there are more."""
        if self._content is not None:
            # Nobody asked for a second answer: the next request would take it for its own.
            self.close()
            return
        if data[0].code >= 200:
            self._content = data[1]
            self._framing.begins(data[1])
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        """More of the answer."""
        before = self._content
        super().data_received(data)
        new = self._content is not before
        if not new and self._framing.exceeds(len(data)) and self.transport is not None:
            self.set_exception(HttpProcessingError(message="more headers than an answer may have"))
            self.transport.abort()
        content = self._content
        if content is not None and not content.is_eof() and self.exception() is not None:
            # By itself it tells only who waits for headers; who reads the body would wait for ever.
            content.set_exception(ClientPayloadError("the answer is not valid HTTP"))
