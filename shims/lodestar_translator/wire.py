"""The way to the provider: one request each, never redirected, repeated or compressed; watched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from contextvars import ContextVar

import httpx

from lodestar_translator.meter import Meter, TooLargeError

CONNECT_S = 10.0
NOT_CONNECTED = "cannot connect"
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class BrokenError(httpx.TransportError):
    """The way to the provider broke. None of the kinds after which litellm asks again."""


class Call:
    """What one request of the shim brought about: what was sent, and what came back."""

    def __init__(self, id: str = "", rehearsal: httpx.Response | None = None) -> None:
        """`rehearsal` is answered instead of anybody being asked."""
        self._id = id
        self._rehearsal = rehearsal
        self._urls: set[str] = set()
        self._response: httpx.Response | None = None
        self.sent = False
        self.status: int | None = None
        self.headers = httpx.Headers()
        self.failure: str | None = None
        self.meter = Meter(200, "")

    async def send(self, inner: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
        """Send one request, once. Raises BrokenError."""
        if self._rehearsal is not None:
            return self._rehearsal
        url = str(request.url)
        if url in self._urls:
            # The provider may have worked on the first one, and bill both.
            raise self.broken("it is not asked twice")
        self._urls.add(url)
        request.headers["Accept-Encoding"] = "identity"
        request.headers["X-Request-Id"] = self._id
        # The shim is the one that loses patience: it hangs up.
        request.extensions["timeout"] = {"connect": CONNECT_S, "pool": CONNECT_S}
        self.sent = True
        try:
            response = await inner.handle_async_request(request)
        except _UNSENT as error:
            self.sent = False
            raise self.broken(f"{NOT_CONNECTED}: {_reason(error)}") from error
        except httpx.TransportError as error:
            raise self.broken(_broke(error)) from error
        await self._answered(response)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=Watched(response, self),
            extensions=response.extensions,
        )

    def broken(self, why: str) -> BrokenError:
        """What failed, once: the first reason is the cause of the others."""
        self.failure = self.failure or why
        return BrokenError(why)

    async def close(self) -> None:
        """Nobody waits for the rest: the provider is hung up on where it still sends."""
        if self._response is not None:
            with suppress(Exception):
                await self._response.aclose()

    async def _answered(self, response: httpx.Response) -> None:
        self._response = response
        self.status, self.headers = response.status_code, response.headers
        self.meter = Meter(self.status, response.headers.get("Content-Type", ""))
        why = None
        if 300 <= self.status < 400:
            why = "it sends the request elsewhere, which is refused"
        elif response.headers.get("Content-Encoding", "identity") != "identity":
            why = "the answer is compressed, which was not asked for"
        if why:
            await self.close()
            raise self.broken(why)


CURRENT: ContextVar[Call | None] = ContextVar("call", default=None)


class Watched(httpx.AsyncByteStream):
    """An answer's bytes, read by the call's meter on the way."""

    def __init__(self, response: httpx.Response, call: Call) -> None:
        self._response = response
        self._call = call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        call = self._call
        try:
            async for chunk in self._response.stream:  # type: ignore[union-attr]
                call.meter.feed(chunk)
                yield chunk
                if call.meter.full:
                    return
        except TooLargeError as error:
            raise call.broken(str(error)) from error
        except httpx.TransportError as error:
            raise call.broken(_broke(error)) from error
        finally:
            call.meter.finish()

    async def aclose(self) -> None:
        await self._response.aclose()


class Tap(httpx.AsyncBaseTransport):
    """The only way out of this process."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = CURRENT.get()
        if call is None:
            raise BrokenError("nothing is sent that belongs to no request")
        return await call.send(self._inner, request)


class Closed(httpx.BaseTransport):
    """For the providers that litellm only asks from a thread: nobody could hang up on them."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = CURRENT.get()
        why = "litellm cannot ask this provider without blocking, so Lodestar does not use it"
        raise call.broken(why) if call else BrokenError(why)


def _reason(error: BaseException) -> str:
    return "it took too long" if isinstance(error, httpx.TimeoutException) else str(error)


def _broke(error: httpx.TransportError) -> str:
    # Its own words would be the bytes that are not HTTP.
    if isinstance(error, httpx.ProtocolError):
        return "its answer ended too early, or is not valid HTTP"
    return f"the connection broke: {str(error) or type(error).__name__}"
