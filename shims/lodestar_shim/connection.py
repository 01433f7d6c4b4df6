"""One client's connection: how long it may keep the shim waiting, and what bad HTTP is told."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

from lodestar_shim.errors import ShimError
from lodestar_shim.framing import Framing
from lodestar_shim.lane import Entry, Lane
from lodestar_shim.limits import Limits

log = logging.getLogger("lodestar.shim")
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class Door:
    """Makes the handler of each connection, and closes those that never ask for anything."""

    def __init__(self, server: web.Server, limits: Limits, entry: Entry) -> None:
        self._server = server
        self._entry = entry
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._silent: dict[Connection, asyncio.TimerHandle] = {}

    def __call__(self) -> asyncio.Protocol:
        """A handler for a new connection."""
        return Connection(self._server, self, self._limits, self._entry, self._loop)

    def entered(self, connection: Connection) -> None:
        """A connection is open and has asked nothing."""
        while len(self._silent) >= self._limits.silent:
            # The newest may be Aider's: it asks at once.
            self._turn_out(next(iter(self._silent)))
        timer = self._loop.call_later(self._limits.ask_s, self._turn_out, connection)
        self._silent[connection] = timer

    def heard(self, connection: Connection) -> None:
        """A connection has asked, or is gone."""
        timer = self._silent.pop(connection, None)
        if timer is not None:
            timer.cancel()

    def _turn_out(self, connection: Connection) -> None:
        self.heard(connection)
        connection.force_close()


class Connection(web.RequestHandler):
    """aiohttp's handler with limits that it lacks: for slow headers and for unread answers."""

    def __init__(
        self,
        server: web.Server,
        door: Door,
        limits: Limits,
        entry: Entry,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # aiohttp takes it for "no log"
            logger=log,
            # From the second request on, this is also the limit for slow headers.
            keepalive_timeout=limits.ask_s,
            lingering_time=limits.linger_s,
            # Inflated as it arrives, before the token is checked, a body could fill the memory.
            auto_decompress=False,
        )
        self._door = door
        self._lane = Lane(self, entry, loop)
        self._clock = loop
        self._framing = Framing()
        self._head_limit = limits.head
        self._head = 0
        self._tail = b""
        self._head_ended = self._has_asked = self._deaf = False
        self._unread_s = limits.unread_s
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client has connected."""
        super().connection_made(transport)
        self._door.entered(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client or the shim has closed the connection."""
        self._door.heard(self)
        self._stop_waiting()
        self._lane.lost()
        super().connection_lost(exc)

    def asked(self, content: StreamReader) -> None:
        """A request's headers are complete; `content` follows."""
        self._has_asked = True
        self._framing.begins(content)
        self._door.heard(self)

    def heard(self) -> None:
        """The headers of a request are complete."""
        self._door.heard(self)

    def waits(self) -> None:
        """An answer is complete; the connection may ask again, soon."""
        self._door.entered(self)

    def close(self) -> None:
        """Close the connection, after an answer that is under way."""
        if self._lane.busy:
            self._lane.close()
        else:
            super().close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """The shim is about to leave."""
        await self._lane.shutdown(timeout)
        await super().shutdown(timeout)

    def refused(self) -> None:
        """Whatever else comes is not even parsed."""
        self._deaf = True

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._deaf or self._lane.takes(data):
            return
        self.slow(data)

    def slow(self, data: bytes = b"") -> None:
        """Have aiohttp read on: what the lane has, which may be nothing, and `data`."""
        data = self._lane.handed_over() or data
        if not self._head_ended and self._is_overlong(data):
            self._turn_away()
            return
        super().data_received(data)
        if self._has_asked and self._framing.exceeds(len(data)):
            self._turn_away()

    def pause_writing(self) -> None:
        """The client doesn't read what it is sent."""
        super().pause_writing()
        self._unread = self._clock.call_later(self._unread_s, self._give_up)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self._stop_waiting()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP. Its bytes may hold a token: nothing quotes them."""
        if status >= 500:
            log.error("a request failed outside the application", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        why = "the request is not valid HTTP" if status < 500 else "Lodestar itself failed"
        response = ShimError(why, "invalid_request", 400).response()
        response.force_close()
        return response

    def log_exception(self, *args: Any, **more: Any) -> None:
        """Log a failure of ours: that a client left, or what it sent, is none."""
        if not isinstance(more.get("exc_info"), (ConnectionError, HttpProcessingError)):
            super().log_exception(*args, **more)

    def _is_overlong(self, data: bytes) -> bool:
        """Whether the headers go on and on: aiohttp limits each, but not how many there are."""
        seen = self._tail + (data if self._head else data.lstrip(b"\r\n"))
        end = seen.find(b"\r\n\r\n")
        self._head_ended = end >= 0
        self._head += (end if self._head_ended else len(seen)) - len(self._tail)
        self._tail = seen[-3:]
        return self._head > self._head_limit

    def _turn_away(self) -> None:
        self._deaf = True
        if self.transport is not None and not self._has_asked:
            self.transport.write(_TOO_LONG)
        self.force_close()

    def _give_up(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
