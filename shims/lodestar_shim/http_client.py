"""Requests to upstreams: connections that are kept, aiohttp's parser, and little around it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aiohttp import ClientConnectionError, StreamReader
from aiohttp.helpers import TimerNoop, ceil_timeout
from aiohttp.http import RawResponseMessage
from yarl import URL

from lodestar_shim.http_head import head
from lodestar_shim.limits import Limits
from lodestar_shim.reply import Reply

MOST = 128
KEPT_S = 30.0
_PORTS = {"http": 80, "https": 443}


class NotConnectedError(Exception):
    """No connection came about: not one byte was sent.

    `lasting` is true where another try a moment later would end the same.
    """

    def __init__(self, why: str, lasting: bool = False) -> None:
        super().__init__(why)
        self.lasting = lasting


@dataclass(frozen=True)
class Target:
    """Where a request goes: a host or a unix socket, and the path there."""

    host: str
    port: int
    path: str
    tls: bool = False
    socket: str | None = None

    @property
    def place(self) -> tuple[str, int, bool, str | None]:
        """What connections are kept by."""
        return self.host, self.port, self.tls, self.socket

    @property
    def name(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (
            host if self.port == _PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"
        )


@lru_cache(maxsize=256)
def target(url: str) -> Target:
    """Where a URL leads. Raises NotConnectedError where it names no host."""
    try:
        parts = URL(url)
        host, port = parts.raw_host, parts.port
    except ValueError as error:
        raise NotConnectedError(str(error), lasting=True) from error
    if not host or not port or parts.scheme not in _PORTS:
        raise NotConnectedError("its address is not a URL with a host", lasting=True)
    return Target(host, port, parts.raw_path_qs, parts.scheme == "https")


def at_socket(path: Path, name: str, request: str) -> Target:
    """A path on a unix socket; `name` stands in the Host header."""
    return Target(name, 80, request, socket=str(path))


@dataclass(frozen=True)
class Answer:
    """The head of an answer, and its content as it arrives."""

    message: RawResponseMessage
    content: StreamReader

    @property
    def status(self) -> int:
        """The status code."""
        return self.message.code

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in any case."""
        return self.message.headers

    @property
    def content_type(self) -> str:
        """The media type without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class HttpClient:
    """Keeps connections for further requests; at most MOST are in use, others wait."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._room = asyncio.Semaphore(MOST)
        self._kept: dict[object, list[tuple[float, Reply]]] = defaultdict(list)
        self._sweep: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None

    async def close(self) -> None:
        """Close the connections that are not in use."""
        if self._sweep is not None:
            self._sweep.cancel()
        for _, wire in (kept for place in self._kept.values() for kept in place):
            wire.close()
        self._kept.clear()

    @asynccontextmanager
    async def post(
        self,
        to: Target,
        headers: Mapping[str, str],
        body: bytes,
        first_s: float,
        sending: Callable[[], None],
    ) -> AsyncIterator[Answer]:
        """Send a request; yields its answer once its headers are there, due in `first_s`.

        `sending` is called right before the first byte goes out; what it raises keeps it back.

        Raises NotConnectedError; aiohttp's ClientError, HttpProcessingError or OSError where the
        connection breaks or the answer is not HTTP; TimeoutError where it is silent for too long.
        """
        async with self._room:
            wire = self._take(to)
            if wire is None:
                wire = await self._connect(to)
            try:
                async with ceil_timeout(first_s):
                    answer = await self._ask(wire, to, headers, body, sending)
            except BaseException:
                # Its answer may still come: the next request would take it for its own.
                wire.close()
                raise
            try:
                yield answer
            finally:
                self._keep(to, wire)

    async def _ask(
        self,
        wire: Reply,
        to: Target,
        headers: Mapping[str, str],
        body: bytes,
        sending: Callable[[], None],
    ) -> Answer:
        wire.set_response_params(
            timer=TimerNoop(),
            read_until_eof=True,
            auto_decompress=False,
            read_timeout=self._limits.stall_s,
        )
        if wire.transport is None:
            raise ClientConnectionError("the connection was closed")
        data = _head(to, headers, len(body)) + body
        sending()
        wire.transport.write(data)
        wire.start_timeout()
        while True:
            message, content = await wire.read()
            # 100 to 199 only announce the answer.
            if message.code >= 200:
                return Answer(message, content)

    def _take(self, to: Target) -> Reply | None:
        kept, oldest = self._kept.get(to.place), time.monotonic() - KEPT_S
        while kept:
            since, wire = kept.pop()
            if wire.is_connected() and not wire.should_close and since > oldest:
                return wire
            wire.close()
        return None

    def _keep(self, to: Target, wire: Reply) -> None:
        if not wire.is_connected() or wire.should_close:
            wire.close()
            return
        self._kept[to.place].append((time.monotonic(), wire))
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEPT_S, self._drop_old)

    def _drop_old(self) -> None:
        self._sweep, oldest = None, time.monotonic() - KEPT_S
        for place, kept in list(self._kept.items()):
            for _, wire in (old for old in kept if old[0] <= oldest):
                wire.close()
            self._kept[place] = [new for new in kept if new[0] > oldest]
            if not self._kept[place]:
                del self._kept[place]
        if self._kept:
            self._sweep = asyncio.get_running_loop().call_later(KEPT_S, self._drop_old)

    async def _connect(self, to: Target) -> Reply:
        loop = asyncio.get_running_loop()

        def made() -> Reply:
            return Reply(loop)

        try:
            async with ceil_timeout(self._limits.connect_s):
                if to.socket is not None:
                    return (await loop.create_unix_connection(made, to.socket))[1]
                context = self._context() if to.tls else None
                where = await loop.create_connection(
                    made, to.host, to.port, ssl=context, happy_eyeballs_delay=0.25
                )
                return where[1]
        except asyncio.TimeoutError as error:
            raise NotConnectedError("it took too long") from error
        except (OSError, ValueError) as error:
            lasting = isinstance(error, (ssl.SSLError, ValueError))
            why = getattr(error, "strerror", None) or str(error)
            raise NotConnectedError(why, lasting) from error

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _head(to: Target, headers: Mapping[str, str], length: int) -> bytes:
    named = {"Host": to.name, **headers, "Content-Length": str(length)}
    try:
        return head(f"POST {to.path} HTTP/1.1", named)
    except ValueError as error:
        raise NotConnectedError(str(error), lasting=True) from error
