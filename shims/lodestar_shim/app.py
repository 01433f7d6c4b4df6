"""The HTTP application: routes, limits, the outermost layer of errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.helpers import ceil_timeout

from lodestar.clock import now_ms
from lodestar_shim.auth import Handler, Middleware, guard
from lodestar_shim.control import Control
from lodestar_shim.errors import ShimError, for_user
from lodestar_shim.limits import Limits
from lodestar_shim.pipeline import Pipeline
from lodestar_shim.services import Services

log = logging.getLogger("lodestar.shim")


def build(services: Services, port: int, limits: Limits) -> web.Application:
    """The application of one shim, listening on `port`."""
    app = web.Application(
        middlewares=[guard(services.session.token, port), _outermost(), _body(limits)],
        client_max_size=limits.body,
    )
    control = Control(services)
    pipeline = Pipeline(services)
    app.on_startup.append(pipeline.start)
    app.on_shutdown.append(pipeline.leave)
    app.on_cleanup.append(pipeline.close)
    chat = _busy(services, pipeline.chat)
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/v1/models", _models(services))
    app.router.add_get("/healthz", _healthz)
    app.router.add_post("/lodestar/v1/events", control.events)
    app.router.add_post("/lodestar/v1/extend", control.extend)
    app.router.add_get("/lodestar/v1/poll", control.poll)
    return app


def _busy(services: Services, handler: Handler) -> Handler:
    async def chat(request: web.Request) -> web.StreamResponse:
        with services.session.busy():
            return await handler(request)

    return chat


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
        except ShimError:
            raise
        except web.HTTPException as error:
            raise ShimError(error.reason, "invalid_request", error.status) from error
        except ValueError as error:
            raise ShimError("the request cannot be read", "invalid_request") from error
        except Exception as error:
            log.exception("a request failed inside the shim")
            message = for_user("Lodestar itself failed.", "details are in its log: logs/shim.log")
            raise ShimError(message, "internal_error") from error

    return catch


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
            for alias, entry in services.catalog
        ]
        return web.json_response({"object": "list", "data": data})

    return models


async def _healthz(_: web.Request) -> web.Response:
    response = web.json_response({"status": "ok"})
    # Anybody may ask this: nobody gets to stay for it.
    response.force_close()
    return response
