"""The translator's HTTP interface."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from lodestar_translator import answer, failure
from lodestar_translator.asked import Asked, parse
from lodestar_translator.errors import ApiError, unusable
from lodestar_translator.library import Library
from lodestar_translator.wire import CURRENT, Call

BODY_LIMIT = 64 << 20
TOKEN = "X-Lodestar-Token"
API_BASE = "X-Lodestar-Api-Base"
log = logging.getLogger("lodestar.translator")


class Api:
    """The handlers, over litellm."""

    def __init__(self, library: Library, token: str) -> None:
        self._library = library
        self._token = token.encode()

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._outermost()], client_max_size=BODY_LIMIT)
        app.router.add_get("/healthz", self.health)
        app.router.add_post("/v1/chat/completions", self.chat)
        return app

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"pid": os.getpid()})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions. Raises ApiError for an answer that is an error."""
        asked = await _asked(request)
        async with _call(request.headers.get("X-Request-Id", "")) as call:
            try:
                response = await self._library.complete(asked)
                if asked.stream:
                    return await self._stream(request, response, asked, call)
            except ConnectionError:
                raise
            except ApiError:
                raise
            except Exception as error:
                raise failure.why(error, asked, call, self._library) from None
        if call.meter.error:
            raise failure.why(None, asked, call, self._library)
        return web.json_response(answer.whole(response, call))

    async def _stream(
        self, request: web.Request, stream: object, asked: Asked, call: Call
    ) -> web.StreamResponse:
        """Headers wait for the first words: until then a failure is worth a status."""
        parts = answer.parts(stream, call, int(asked.fields.get("n", 1)))
        async with aclosing(parts):
            try:
                first = await anext(parts)
            except StopAsyncIteration:
                raise failure.why(None, asked, call, self._library) from None
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(_event(first))
            try:
                whole = await _pass_on(parts, response, _ends(first))
            except ConnectionError:
                raise
            except Exception as error:
                return await self._break(request, response, asked, call, error)
        if not whole or call.failure or call.meter.error:
            return await self._break(request, response, asked, call, None)
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _break(
        self,
        request: web.Request,
        response: web.StreamResponse,
        asked: Asked,
        call: Call,
        error: Exception | None,
    ) -> web.StreamResponse:
        """Say why, then cut the stream off: a clean end would make half an answer look whole."""
        why = failure.why(error, asked, call, self._library)
        await response.write(_event(why.envelope()))
        # Let it leave before the connection does.
        await asyncio.sleep(0)
        if request.transport is not None:
            request.transport.close()
        return response

    def _outermost(self) -> Middleware:
        @web.middleware
        async def catch(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                given = request.headers.get(TOKEN, "").encode("utf-8", "surrogateescape")
                if not hmac.compare_digest(given, self._token):
                    raise ApiError("the token is wrong", "invalid_request_error", None, 401)
                return await handler(request)
            except ApiError as error:
                return error.response()
            except web.HTTPException as error:
                return unusable(error.reason).response()
            except ConnectionError:
                # The shim has left; this answer only tells aiohttp that we know.
                return web.Response(status=400)
            except Exception as error:
                # Without its words, which may quote a key or a prompt.
                log.error("a request failed: %s", type(error).__name__)
                return ApiError("Lodestar's translator failed", sent=True).response()

        return catch


async def _asked(request: web.Request) -> Asked:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise unusable("the body is not JSON") from None
    key = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    return parse(body, key or None, request.headers.get(API_BASE))


@asynccontextmanager
async def _call(id: str) -> AsyncIterator[Call]:
    """What the request brings about; whatever is still open at its end is hung up on."""
    call = Call(id)
    token = CURRENT.set(call)
    try:
        yield call
    finally:
        CURRENT.reset(token)
        await call.close()


async def _pass_on(
    parts: AsyncIterator[answer.Part], response: web.StreamResponse, ended: bool
) -> bool:
    """Send the rest of a stream; whether the provider ended it."""
    async for part in parts:
        ended = ended or _ends(part)
        await response.write(_event(part))
    return ended


def _ends(part: answer.Part) -> bool:
    return any(choice["finish_reason"] for choice in part["choices"])


def _event(data: object) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n"
