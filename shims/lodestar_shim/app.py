"""The HTTP application: routes, limits, the outermost layer of errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.helpers import ceil_timeout

from lodestar.clock import now_ms
from lodestar_shim.auth import Handler, Middleware, Rules, guard
from lodestar_shim.control import Control
from lodestar_shim.errors import ShimError, for_user
from lodestar_shim.lane import Entry, LaneClient, Serve
from lodestar_shim.limits import Limits
from lodestar_shim.observation import Observation
from lodestar_shim.pipeline import Pipeline
from lodestar_shim.services import Services

log = logging.getLogger("lodestar.shim")


ENTRY = web.AppKey("entry", Entry)
"""Where plain chat requests are served without aiohttp."""


def build(services: Services, port: int, limits: Limits) -> web.Application:
    """The application of one shim, listening on `port`."""
    rules = Rules.of(services.session.token, port)
    app = web.Application(
        middlewares=[guard(rules), _outermost(), _body(limits)], client_max_size=limits.body
    )
    control = Control(services)
    observation = Observation(services)
    pipeline = Pipeline(services)
    app.on_startup.append(pipeline.start)
    app.on_shutdown.append(pipeline.leave)
    app.on_cleanup.append(pipeline.close)
    chat = _busy(services, pipeline.chat)
    app[ENTRY] = Entry(rules, limits.body, limits.body_s, _lane(services, pipeline))
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/v1/models", _models(services))
    app.router.add_get("/healthz", _healthz)
    app.router.add_post("/lodestar/v1/events", control.events)
    app.router.add_post("/lodestar/v1/extend", control.extend)
    app.router.add_get("/lodestar/v1/poll", control.poll)
    app.router.add_get("/lodestar/v1/commands", control.commands)
    app.router.add_post("/lodestar/v1/commands/{name}", control.command)
    app.router.add_get("/lodestar/v1/status", observation.status)
    app.router.add_get("/metrics", observation.metrics)
    return app


def _busy(services: Services, handler: Handler) -> Handler:
    async def chat(request: web.Request) -> web.StreamResponse:
        with services.session.busy():
            return await handler(request)

    return chat


def _lane(services: Services, pipeline: Pipeline) -> Serve:
    async def serve(client: LaneClient, body: bytes) -> None:
        try:
            with services.session.busy():
                await pipeline.answer(client, body)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            await client.fail(_explained(error))

    return serve


def _body(limits: Limits) -> Middleware:
    """Have the whole body before anything is done with it; aiohttp keeps it for the handler."""

    @web.middleware
    async def read(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            async with ceil_timeout(limits.body_s):
                await request.read()
        except asyncio.TimeoutError as error:
            raise ShimError("the body did not arrive in time", "invalid_request") from error
        except web.RequestPayloadError as error:
            raise ShimError("the body is broken", "invalid_request") from error
        except web.HTTPRequestEntityTooLarge as error:
            size = f"A request may have {limits.body >> 20} MiB at most."
            message = for_user(size, "", "take files out of the chat: /drop")
            raise ShimError(message, "invalid_request", 413) from error
        return await handler(request)

    return read


def _outermost() -> Middleware:
    @web.middleware
    async def catch(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as error:
            raise _explained(error) from error

    return catch


def _explained(error: Exception) -> ShimError:
    """What went wrong, for a client."""
    if isinstance(error, ShimError):
        return error
    if isinstance(error, web.HTTPException):
        return ShimError(error.reason, "invalid_request", error.status)
    if isinstance(error, ValueError):
        return ShimError("the request cannot be read", "invalid_request")
    log.error("a request failed inside the shim", exc_info=error)
    message = for_user("Lodestar itself failed.", "details are in its log: logs/shim.log")
    return ShimError(message, "internal_error")


def _models(services: Services) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def models(_: web.Request) -> web.Response:
        """GET /v1/models: every alias, with what a client may want to know."""
        data = [
            {
                "id": alias,
                "object": "model",
                "created": now_ms() // 1000,
                "owned_by": f"lodestar:{entry.provider}",
                "description": entry.label or entry.model,
                "tier": entry.tier,
                "billing": entry.billing,
                "context_window": entry.context,
            }
            for alias, entry in services.catalog.offered
        ]
        return web.json_response({"object": "list", "data": data})

    return models


async def _healthz(_: web.Request) -> web.Response:
    response = web.json_response({"status": "ok"})
    # Anybody may ask this: nobody gets to stay for it.
    response.force_close()
    return response
