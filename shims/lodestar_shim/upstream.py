"""Calling an upstream that speaks OpenAI: the request's bytes, the client, the first answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp.helpers import ceil_timeout
from aiohttp.http_exceptions import HttpProcessingError

from lodestar.exchange import DEFAULT_OUTPUT, Request, Route
from lodestar.settings import ModelEntry
from lodestar_shim.engine import Engine
from lodestar_shim.http_client import Answer, HttpClient, NotConnectedError, Target, target
from lodestar_shim.limits import Limits
from lodestar_shim.ollama import TooLongError, Windows
from lodestar_shim.translator import Translator, sent_and_status

ERROR_BODY_LIMIT = 64 * 1024
DEATH_LOOKS = 20
TOO_SLOW = "it took too long to answer"
DIED = "Lodestar's translator died; it is started again for the next request"
UNREACHABLE = "unreachable"
"""The code of an error where nobody listens: a try a moment later may find somebody."""
_COMPLETION_FIELD = re.compile(r"(o\d|gpt-5)")


class UpstreamError(Exception):
    """An attempt that brought no answer. `sent` is False where no byte went out.

    `retry_after` is when the upstream wants to be asked again, in its words.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        sent: bool = True,
        code: str | None = None,
        retry_after: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.sent = sent
        self.code = code
        self.retry_after = retry_after


class Upstreams:
    """The connections to every upstream of this shim."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self.limits = limits
        self._client = HttpClient(limits)
        self.windows = Windows(engine.home, limits.first_s)
        self.translator = Translator(engine.home)

    async def close(self) -> None:
        """Close the connections to remote upstreams; the translator leaves."""
        await self._client.close()
        await self.translator.close()

    @asynccontextmanager
    async def post(
        self,
        request: Request,
        route: Route,
        attempt: str,
        cap: int | None,
        key: str | None,
        first_s: float,
        sending: Callable[[], None],
    ) -> AsyncIterator[Answer]:
        """Send the request; yields the answer once its headers, due in `first_s`, say success.

        `sending` is called right before the first byte goes out. Raises UpstreamError for
        anything else.
        """
        to = await self._target(route.entry)
        try:
            cap = await self.windows.cap(request, route.entry, cap)
        except TooLongError as error:
            code = "context_length_exceeded"
            raise UpstreamError(str(error), sent=False, code=code) from error
        headers = self._headers(route.entry, attempt, key)
        body = request_body(request, route.entry, cap)
        try:
            async with self._client.post(to, headers, body, first_s, sending) as answer:
                if answer.status != 200:
                    async with ceil_timeout(first_s):
                        raise await _refusal(answer, route.entry.provider)
                _check(answer, request.stream)
                yield answer
        except NotConnectedError as error:
            raise _unreached(error) from error
        except asyncio.TimeoutError as error:
            raise UpstreamError(TOO_SLOW) from error
        except (aiohttp.ClientResponseError, HttpProcessingError) as error:
            # Its own words would be the bytes that are not HTTP.
            raise UpstreamError("its answer is not valid HTTP") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError(await self._why_broken(route.entry, error)) from error

    def _headers(self, entry: ModelEntry, attempt: str, key: str | None) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "X-Request-Id": attempt,
        }
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return headers | (self.translator.headers(entry) if entry.provider == "litellm" else {})

    async def _why_broken(self, entry: ModelEntry, error: Exception) -> str:
        for _ in range(DEATH_LOOKS if entry.provider == "litellm" else 0):
            if not self.translator.alive:
                return DIED
            # Its connection ends a moment before the process does.
            await asyncio.sleep(0.01)
        return f"the connection broke: {_reason(error)}"

    async def _target(self, entry: ModelEntry) -> Target:
        if entry.provider == "engine":
            await _started(self._engine)
            return self._engine.completions
        if entry.provider == "litellm":
            await _started(self.translator)
            return self.translator.completions
        try:
            return target(f"{(entry.api_base or '').rstrip('/')}/chat/completions")
        except NotConnectedError as error:
            raise _unreached(error) from error


async def _started(server: Engine | Translator) -> None:
    try:
        await server.ensure()
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
    name = entry.model.rpartition("/")[2]
    # Ollama does not know the newer field, whatever the model is called.
    modern = entry.provider != "ollama" and _COMPLETION_FIELD.match(name)
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


async def _refusal(response: Answer, provider: str) -> UpstreamError:
    if 300 <= response.status < 400:
        return UpstreamError("it sends the request elsewhere, which is refused", response.status)
    text = (await _beginning(response)).decode("utf-8", "replace")
    message, code = _explain(text)
    after = response.headers.get("Retry-After")
    sent, status = _sent_and_status(response, provider)
    return UpstreamError(message, status, sent, code, after)


def _check(response: Answer, stream: bool) -> None:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise UpstreamError("the answer is compressed, which was not asked for", 200)
    expected = "text/event-stream" if stream else "application/json"
    if response.content_type != expected:
        raise UpstreamError(f"the answer is {response.content_type}, not {expected}", 200)


def _sent_and_status(response: Answer, provider: str) -> tuple[bool, int | None]:
    if provider == "litellm":
        return sent_and_status(response.headers)
    return True, response.status


async def _beginning(response: Answer) -> bytes:
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


def _unreached(error: NotConnectedError) -> UpstreamError:
    # A wrong address, or a certificate that is not its, is as wrong a moment later.
    code = None if error.lasting else UNREACHABLE
    return UpstreamError(f"cannot connect: {error}", sent=False, code=code)


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
