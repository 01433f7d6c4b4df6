"""Calling an upstream that speaks OpenAI: the request's bytes, the client, the first answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import ceil_timeout
from aiohttp.http_exceptions import HttpProcessingError

from lodestar.exchange import Request, Route
from lodestar.settings import ModelEntry
from lodestar_shim.engine import URL as ENGINE_URL
from lodestar_shim.engine import Engine
from lodestar_shim.limits import Limits
from lodestar_shim.reply import Reply

DEFAULT_OUTPUT = 8192
ERROR_BODY_LIMIT = 64 * 1024
TOO_SLOW = "it took too long to answer"
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
_COMPLETION_FIELD = re.compile(r"(o\d|gpt-5)")


class UpstreamError(Exception):
    """An attempt that brought no answer. `sent` is False where no byte went out."""

    def __init__(
        self, message: str, status: int | None = None, sent: bool = True, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.sent = sent
        self.code = code


class Upstreams:
    """The connections to every upstream of this shim."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self.limits = limits
        connector = aiohttp.TCPConnector(limit=128, keepalive_timeout=30)
        # aiohttp offers no other way to limit the headers of an answer.
        reply: type[ResponseHandler] = Reply
        connector._factory = partial(reply, loop=asyncio.get_running_loop())
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=limits.connect_s, sock_read=limits.stall_s
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections to remote upstreams."""
        await self._session.close()

    @asynccontextmanager
    async def post(
        self, request: Request, route: Route, attempt: str, cap: int | None, key: str | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send the request; yields the response once its headers say success.

        Raises UpstreamError for anything else.
        """
        entry = route.entry
        session, url = self._session, f"{(entry.api_base or '').rstrip('/')}/chat/completions"
        if entry.provider == "engine":
            session, url = self._engine.session, f"{ENGINE_URL}/v1/chat/completions"
            await self._start_engine()
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "X-Request-Id": attempt,
        }
        if key:
            headers["Authorization"] = f"Bearer {key}"
        body = request_body(request, entry, cap)
        try:
            async with ceil_timeout(self.limits.first_s):
                response = await session.post(
                    url, data=body, headers=headers, allow_redirects=False
                )
            async with response:
                async with ceil_timeout(self.limits.first_s):
                    await _check(response, request.stream)
                yield response
        except _NOT_SENT as error:
            raise UpstreamError(f"cannot connect: {_reason(error)}", sent=False) from error
        except asyncio.TimeoutError as error:
            raise UpstreamError(TOO_SLOW) from error
        except (aiohttp.ClientResponseError, HttpProcessingError) as error:
            # Its own words would be the bytes that are not HTTP.
            raise UpstreamError("its answer is not valid HTTP") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError(f"the connection broke: {_reason(error)}") from error

    async def _start_engine(self) -> None:
        try:
            await self._engine.ensure()
        except (ConnectionError, OSError) as error:
            raise UpstreamError(_reason(error), sent=False) from error


def request_body(request: Request, entry: ModelEntry, cap: int | None) -> bytes:
    """The bytes to send: the client's request with the upstream's model name and a cap."""
    body: dict[str, Any] = dict(request.body)
    body["model"] = entry.model
    body["stream"] = request.stream
    limit = output_cap(request.body, entry, cap)
    body.pop("max_tokens", None)
    body.pop("max_completion_tokens", None)
    modern = _COMPLETION_FIELD.match(entry.model.rpartition("/")[2])
    body["max_completion_tokens" if modern else "max_tokens"] = limit
    if request.stream:
        options = body.get("stream_options") or {}
        # Without its usage a paid answer would be charged at its worst case.
        asked = options.get("include_usage", True) or entry.paid
        body["stream_options"] = {**options, "include_usage": asked}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def output_cap(body: Mapping[str, Any], entry: ModelEntry, cap: int | None) -> int:
    """The longest answer to ask for, in tokens: the least of client, model, gate and context."""
    asked = body.get("max_completion_tokens") or body.get("max_tokens")
    limits = [cap, entry.max_output, asked if isinstance(asked, int) and asked > 0 else None]
    known = [limit for limit in limits if limit]
    if known:
        return min(known)
    return min(DEFAULT_OUTPUT, entry.context // 2) if entry.context else DEFAULT_OUTPUT


async def _check(response: aiohttp.ClientResponse, stream: bool) -> None:
    if 300 <= response.status < 400:
        raise UpstreamError("it sends the request elsewhere, which is refused", response.status)
    if response.status != 200:
        text = (await _beginning(response)).decode("utf-8", "replace")
        message, code = _explain(text)
        raise UpstreamError(message, response.status, code=code)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise UpstreamError("the answer is compressed, which was not asked for", 200)
    expected = "text/event-stream" if stream else "application/json"
    if response.content_type != expected:
        raise UpstreamError(f"the answer is {response.content_type}, not {expected}", 200)


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) >= ERROR_BODY_LIMIT:
            break
    return body[:ERROR_BODY_LIMIT]


def _explain(text: str) -> tuple[str, str | None]:
    """An error body as (message, code)."""
    try:
        error = json.loads(text)["error"]
        code = error.get("code") if isinstance(error, dict) else None
        return str(error.get("message") if code or isinstance(error, dict) else error), code
    except (ValueError, KeyError, TypeError, AttributeError):
        return text.strip() or "no explanation", None


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
