"""The engine's HTTP interface."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from aiohttp import web

from lodestar_engine.activity import Activity
from lodestar_engine.answer import Answer, prepare
from lodestar_engine.chat_request import ChatRequest, parse_chat
from lodestar_engine.completion import Completion
from lodestar_engine.errors import ApiError
from lodestar_engine.library import Library
from lodestar_engine.memory import resident_bytes
from lodestar_engine.names import parse_name
from lodestar_engine.pool import ModelPool
from lodestar_engine.sse import EventStream

MAX_BODY_BYTES = 32 << 20
LEASE_BEAT_S = 15.0
STREAM_BEAT_S = 5.0
# Until a model is loaded and the prompt tokenised, a request may still be refused, and a
# refusal is worth most as a plain HTTP status. So headers wait, but not for ever: models load
# in seconds from a warm disk, and past this a silent server looks dead. A load that fails
# later than that cuts the stream off instead.
HEADERS_AFTER_S = 10.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = logging.getLogger(__name__)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals, and crashes of ours, in OpenAI's error envelope."""
    try:
        return await handler(request)
    except ApiError as error:
        return web.json_response(error.envelope(), status=error.status)
    except web.HTTPException as error:
        refusal = ApiError(f"{error.reason}.", status=error.status)
        return web.json_response(refusal.envelope(), status=error.status)
    except ConnectionError:
        # The client has left; this answer only tells aiohttp that we know.
        return web.Response(status=400)
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        failure = ApiError("The engine failed; its log says why.", "engine_failure", 500)
        return web.json_response(failure.envelope(), status=500)


class Api:
    """The handlers, over one library and one pool of models."""

    def __init__(
        self,
        library: Library,
        pool: ModelPool,
        activity: Activity,
        headers_after_s: float = HEADERS_AFTER_S,
    ) -> None:
        self._library = library
        self._pool = pool
        self._activity = activity
        self._headers_after_s = headers_after_s

    def application(self) -> web.Application:
        app = web.Application(middlewares=[errors_as_json], client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/healthz", self.health)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/v1/lease", self.lease)
        app.router.add_post("/v1/warm", self.warm)
        app.router.add_post("/v1/chat/completions", self.chat)
        return app

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "pid": os.getpid(),
                "rss_bytes": resident_bytes(),
                "loaded": self._pool.loaded(),
                "leases": self._activity.leases,
                "requests": self._activity.requests,
            }
        )

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": await self._library.listing()})

    async def lease(self, request: web.Request) -> web.StreamResponse:
        """Open until the client leaves: while it is, the engine stays."""
        response = web.StreamResponse()
        with self._activity.lease():
            await response.prepare(request)
            while True:
                await response.write(b"\n")
                await asyncio.sleep(LEASE_BEAT_S)

    async def warm(self, request: web.Request) -> web.Response:
        body = await _json(request)
        name = parse_name(body.get("model") if isinstance(body, dict) else None)
        with self._activity.request():
            async with self._pool.use(name.base) as model:
                return web.json_response({"context": model.context})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        chat = parse_chat(await _json(request))
        with self._activity.request():
            async with AsyncExitStack() as stack:
                preparing = asyncio.ensure_future(self._prepare(chat, stack))
                stack.callback(preparing.cancel)
                if chat.stream:
                    await asyncio.wait({preparing}, timeout=self._headers_after_s)
                    return await _stream(request, chat, preparing)
                return await _whole(chat, await preparing)

    async def _prepare(self, chat: ChatRequest, stack: AsyncExitStack) -> Answer:
        model = await stack.enter_async_context(self._pool.use(chat.model.base))
        name = chat.model.adapter
        adapter = await self._library.adapter(model.source, name) if name else None
        return await prepare(model, adapter, chat)


async def _whole(chat: ChatRequest, answer: Answer) -> web.Response:
    with answer:
        text = "".join([part async for part in answer.texts(STREAM_BEAT_S)])
        return web.json_response(Completion(str(chat.model)).whole(text, answer.finished()))


async def _stream(
    request: web.Request, chat: ChatRequest, preparing: asyncio.Future[Answer]
) -> web.StreamResponse:
    if preparing.done():
        preparing.result()
    async with EventStream(request) as events:
        while not preparing.done():
            await events.comment("loading")
            await asyncio.wait({preparing}, timeout=STREAM_BEAT_S)
        with preparing.result() as answer:
            await _send(chat, answer, events)
    return events.response


async def _send(chat: ChatRequest, answer: Answer, events: EventStream) -> None:
    part = Completion(str(chat.model))
    await events.comment("waiting")
    await events.send(part.role())
    async for text in answer.texts(STREAM_BEAT_S):
        await (events.send(part.text(text)) if text else events.comment("working"))
    finished = answer.finished()
    await events.send(part.end(finished.reason))
    if chat.include_usage:
        await events.send(part.usage(finished.usage))
    await events.finish()


async def _json(request: web.Request) -> object:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise ApiError("The request's body is not JSON.") from error
