"""Requests, routes and outcomes for tests that need one but not a particular one."""

from __future__ import annotations

from typing import Any

from lodestar.clock import now_ms
from lodestar.exchange import Outcome, Request, Route, Usage
from lodestar.ids import new_id
from lodestar.settings import ModelEntry

PAID: dict[str, Any] = {"billing": "payg", "price_in": "3", "price_out": "15", "max_output": 1000}
UNPRICED: dict[str, Any] = {"billing": "payg"}
FREE: dict[str, Any] = {"billing": "free"}


def a_request(text: str = "hello", session: str | None = "S1", **body: Any) -> Request:
    """A chat request with one user message; keywords join the body."""
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **body}
    return Request(new_id(), session, "m", "edit", True, body, now_ms(), len(str(body)))


def a_route(alias: str = "paid-model", **entry: Any) -> Route:
    """A route to an OpenAI-compatible server; keywords are the entry's fields."""
    fields = {"provider": "openai", "model": "m-1", "api_base": "http://127.0.0.1:9/v1", **entry}
    return Route(alias, ModelEntry(**fields), "you asked")


def reported(input: int, output: int, **fields: Any) -> Outcome:
    """A good end with the provider's own counts."""
    return Outcome("ok", 200, Usage(input, output, source="provider"), **fields)


def unreported(**fields: Any) -> Outcome:
    """A good end without usage from the provider."""
    return Outcome("ok", 200, Usage(10, 5, source="estimated"), **fields)
