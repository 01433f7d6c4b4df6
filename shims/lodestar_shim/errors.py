"""Errors as an OpenAI client understands them, in words that make Aider stop and show them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from lodestar.terminal import one_line, printable

# Aider and litellm decide by the text whether to retry for a minute; these words make them.
_RETRY_WORDS = (
    (re.compile(r"\bhttps?://\S+"), "[link]"),
    (re.compile(r"\blitellm\.(\w+)"), r"\1"),
    (re.compile(r"rate[\s_-]*limit", re.I), "request quota"),
    # An amount stays one: a zero more changes nothing but how it is read by a machine.
    (re.compile(r"(?<=\d\.)429\b"), "4290"),
    (re.compile(r"(?<=\$)429\b"), "0429"),
    (re.compile(r"\b429\b"), "4 2 9"),
    (re.compile(r"request too large", re.I), "request over its size"),
    (re.compile(r"timed[\s-]*out|time-?out error|a timeout occurred", re.I), "took too long"),
    (re.compile(r"service tier capacity", re.I), "capacity"),
    (re.compile(r"content_policy_violation|safety system", re.I), "content policy"),
    (re.compile(r"violating our usage policy", re.I), "against its usage policy"),
)
QUOTE_LIMIT = 400


class ShimError(Exception):
    """An answer that is an error: HTTP status, message for the user and machine-readable extras."""

    def __init__(
        self, message: str, code: str, status: int = 400, extra: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.extra = extra or {}

    def response(self) -> web.Response:
        """The error in OpenAI's envelope."""
        error = {
            "message": printable(self.message),
            "type": "invalid_request_error",
            "code": self.code,
            "param": None,
            **self.extra,
        }
        return web.json_response(
            {"error": error}, status=self.status, headers={"x-should-retry": "false"}
        )


def for_user(*lines: str) -> str:
    """A message that Aider prints as a block of its own under its prefix: what, why, what to do."""
    return "\n\n  " + "\n  ".join(line for line in lines if line) + "\n"


def quote(text: str) -> str:
    """Somebody else's error text, made harmless: no links, no retry words, one short line."""
    text = one_line(text)
    for pattern, replacement in _RETRY_WORDS:
        text = pattern.sub(replacement, text)
    return text if len(text) <= QUOTE_LIMIT else text[: QUOTE_LIMIT - 1] + "…"


def harmless(details: Mapping[str, Any]) -> dict[str, Any]:
    """What is for programs, made harmless too: a client may look for words in the whole body."""
    return {name: _harmless(value) for name, value in details.items()}


def _harmless(value: Any) -> Any:
    if value is None or (isinstance(value, int) and value != 429):
        return value
    # A number reads the same with a zero in front.
    return quote(re.sub(r"\A429\b", "0429", str(value)))
