"""Asking a provider whether it takes a key, with a request that costs nothing."""

from __future__ import annotations

import http.client
import ssl
import time
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from lodestar.secrets.accounts import PROVIDERS, host_of
from lodestar.secrets.patience import within
from lodestar.settings import ModelEntry

SECONDS = 10.0
REFUSED = frozenset({401, 403})
WRONG_KEY = 400
"""What Gemini and xAI say to a key that they do not know."""


@dataclass(frozen=True)
class Answer:
    """What came of it: `ok` where the key was taken and is needed."""

    result: Literal["ok", "refused", "unproven", "failed", "untested"]
    why: str = ""
    ms: int | None = None


@dataclass(frozen=True)
class Question:
    """A request that only somebody with the key may make."""

    url: str
    header: str = "Authorization"
    prefix: str = "Bearer "
    more: tuple[tuple[str, str], ...] = ()

    def headers(self, key: str | None) -> dict[str, str]:
        """The headers of the request, with the key or without."""
        sent = {"Accept": "application/json", **dict(self.more)}
        return {**sent, self.header: f"{self.prefix}{key}"} if key else sent


def ask(entry: ModelEntry, key: str) -> Answer:
    """Send the key to `entry`'s server; a redirect is never followed."""
    asked = question(entry)
    if asked is None:
        return Answer("untested", "Lodestar knows no free request for this provider")
    start = time.monotonic()
    try:
        status = within(SECONDS, lambda: _status(asked, key))
        ms = round((time.monotonic() - start) * 1000)
        if status != 200:
            return _other(status, ms)
        # Some servers list their models to anybody.
        public = within(SECONDS, lambda: _status(asked, None)) == 200
    except TimeoutError:
        return Answer("failed", f"no answer within {SECONDS:.0f} seconds")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer("failed", _reason(error))
    why = "the server answers without a key, too" if public else ""
    return Answer("unproven" if public else "ok", why, ms)


def question(entry: ModelEntry) -> Question | None:
    """What to ask `entry`'s server, or None where that is not known."""
    name = _wire(entry)
    base = (entry.api_base or (PROVIDERS[name].base if name in PROVIDERS else "")).rstrip("/")
    if not base:
        return None
    if name == "anthropic":
        base = base if base.endswith("/v1") else f"{base}/v1"
        version = (("anthropic-version", "2023-06-01"),)
        return Question(f"{base}/models?limit=1", "x-api-key", "", version)
    if name == "gemini":
        return Question(f"{base}/models?pageSize=1", "x-goog-api-key", "")
    # OpenRouter lists its models to anybody, and a key's own page to its owner.
    return Question(f"{base}/key" if name == "openrouter" else f"{base}/models")


def _wire(entry: ModelEntry) -> str:
    """Whose way of asking it is; empty for that of OpenAI."""
    if entry.provider == "litellm":
        return entry.model.partition("/")[0]
    hosts = {PROVIDERS[name].host: name for name in ("anthropic", "openrouter")}
    return hosts.get(host_of(entry), "")


def _status(asked: Question, key: str | None) -> int:
    parts = urlsplit(asked.url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request("GET", target, headers=asked.headers(key))
        return connection.getresponse().status
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        safe = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=safe)
    return http.client.HTTPConnection(host, port, timeout=SECONDS)


def _other(status: int, ms: int) -> Answer:
    if status in REFUSED:
        return Answer("refused", f"the server answered {status}", ms)
    if 300 <= status < 400:
        return Answer("failed", f"it redirects ({status}), which is not followed", ms)
    if status == WRONG_KEY:
        return Answer("refused", f"the server answered {status}: some say that to a wrong key", ms)
    return Answer("failed", f"the server answered {status}", ms)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)
