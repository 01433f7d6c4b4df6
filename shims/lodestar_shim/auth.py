"""Who may talk to the shim: the holder of the token, from this machine, not from a web page."""

from __future__ import annotations

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from lodestar_shim.errors import ShimError

__all__ = ["Handler", "Middleware", "guard"]


def guard(token: str, port: int) -> Middleware:
    """A middleware that checks Host, Origin, token and content type before a body is read."""
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _check_origin(request, hosts)
            if request.path != "/healthz":
                _check_token(request, expected)
            if request.method == "POST" and request.content_type != "application/json":
                raise ShimError("send application/json", "unsupported_media_type", 415)
            return await handler(request)
        except ShimError as error:
            return error.response()

    return check


def _check_origin(request: web.Request, hosts: frozenset[str]) -> None:
    # A page in a browser can reach loopback, also under a name of its own (DNS rebinding).
    if request.headers.get("Host") not in hosts:
        raise ShimError("this address is not served here", "wrong_host", 421)
    cross_site = request.headers.get("Sec-Fetch-Site", "none") != "none"
    if "Origin" in request.headers or cross_site:
        raise ShimError("requests from web pages are refused", "origin_refused", 403)


def _check_token(request: web.Request, expected: bytes) -> None:
    given = request.headers.get("Authorization", "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, expected):
        raise ShimError("the session token is missing or wrong", "invalid_api_key", 401)
