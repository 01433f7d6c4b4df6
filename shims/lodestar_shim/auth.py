"""Who may talk to the shim: the holder of the token, from this machine, not from a web page."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from lodestar_shim.connection import Connection
from lodestar_shim.errors import ShimError

__all__ = ["Handler", "Middleware", "guard"]


@dataclass(frozen=True)
class Rules:
    """The addresses that are served, and what stands in the Authorization header."""

    hosts: frozenset[str]
    expected: bytes

    @classmethod
    def of(cls, token: str, port: int) -> Rules:
        """The rules of a shim that listens on `port`."""
        return cls(
            frozenset({f"127.0.0.1:{port}", f"localhost:{port}"}), f"Bearer {token}".encode()
        )


def guard(rules: Rules) -> Middleware:
    """A middleware that checks Host, Origin, token and content type before a body is read."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = request.protocol
        if isinstance(connection, Connection):
            connection.asked(request.content)
        try:
            _check_origin(request, rules.hosts)
            if request.path != "/healthz":
                _check_token(request, rules.expected)
            _check_type(request)
        except ShimError as error:
            if isinstance(connection, Connection):
                connection.refused()
            return _last(error)
        try:
            return await handler(request)
        except ShimError as error:
            return error.response() if request.content.is_eof() else _last(error)

    return check


def _last(error: ShimError) -> web.Response:
    response = error.response()
    response.force_close()
    return response


def _check_origin(request: web.Request, hosts: frozenset[str]) -> None:
    # A page in a browser can reach loopback, also under a name of its own (DNS rebinding).
    # A target with a host of its own would outrank the header.
    named = request.headers.getall("Host", [])
    if len(named) != 1 or named[0] not in hosts or not request.raw_path.startswith("/"):
        raise ShimError("this address is not served here", "wrong_host", 421)
    cross_site = request.headers.get("Sec-Fetch-Site", "none") != "none"
    if "Origin" in request.headers or cross_site:
        raise ShimError("requests from web pages are refused", "origin_refused", 403)


def _check_token(request: web.Request, expected: bytes) -> None:
    given = "\n".join(request.headers.getall("Authorization", [])).encode("utf-8", "replace")
    if not hmac.compare_digest(given, expected):
        # litellm takes a 401 for what it is by OpenAI's own first words alone.
        why = "Incorrect API key provided: the session token is missing or wrong"
        raise ShimError(why, "invalid_api_key", 401)


def _check_type(request: web.Request) -> None:
    if request.method == "POST" and request.content_type != "application/json":
        raise ShimError("send application/json", "unsupported_media_type", 415)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ShimError("send it uncompressed", "unsupported_media_type", 415)
