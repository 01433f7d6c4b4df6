"""One small real request to a model through a shim, and what came of it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lodestar.prices.listing import cost
from lodestar.settings import ModelEntry
from lodestar.supervisor.passing_shim import Served

PROMPT = "Count from 1 to 20, one number per line, and write nothing else."
PROMPT_TOKENS = 200
"""No tokenizer makes more of it, with what goes around it."""
ANSWER_TOKENS = 64
PATIENCE_S = 300.0
"""A large local model takes minutes to load."""


@dataclass(frozen=True)
class Trial:
    """What a model did; `why` says what was wrong where it is not reachable.

    Times are seconds, the cost is USD, None where it is unknown.
    """

    reachable: bool
    why: str = ""
    first_token_s: float | None = None
    tokens_per_s: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: Decimal | None = None


def at_most(entry: ModelEntry) -> Decimal | None:
    """What a trial of this model can cost, USD; None where its price is unknown."""
    return cost(entry, PROMPT_TOKENS, ANSWER_TOKENS)


def try_model(served: Served, alias: str, entry: ModelEntry) -> Trial:
    """Send the request and read the answer to its end. Raises nothing that a model can cause."""
    body = {
        "model": alias,
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": ANSWER_TOKENS,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    connection, began = served.connect(PATIENCE_S), time.monotonic()
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), served.headers)
        answer = connection.getresponse()
        if answer.status != 200:
            return Trial(False, _message(answer.read(), answer.status))
        by = answer.headers.get("X-Lodestar-Model", alias)
        if by != alias:
            answer.read()
            return Trial(False, f"it did not answer; `{by}` did in its place")
        return _read(answer, entry, began)
    except TimeoutError:
        return Trial(False, f"no answer within {PATIENCE_S:.0f} seconds")
    except (OSError, ValueError, http.client.HTTPException):
        return Trial(False, "its answer broke off")
    finally:
        connection.close()


def _read(answer: http.client.HTTPResponse, entry: ModelEntry, began: float) -> Trial:
    first = last = None
    usage: Mapping[str, Any] = {}
    pieces, ended = 0, False
    for event in _events(answer):
        usage = event.get("usage") or usage
        for choice in event.get("choices") or []:
            ended = ended or choice.get("finish_reason") is not None
            if _says_something(choice.get("delta") or {}):
                pieces, last = pieces + 1, time.monotonic()
                first = first or last
    if not ended:
        return Trial(False, "its answer broke off")
    tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens", pieces)
    took = (last or 0) - (first or 0)
    return Trial(
        True,
        first_token_s=None if first is None else first - began,
        tokens_per_s=(tokens_out - 1) / took if took > 0 and tokens_out > 1 else None,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost_usd=None if tokens_in is None else cost(entry, tokens_in, tokens_out),
    )


def _events(answer: http.client.HTTPResponse) -> Iterator[Mapping[str, Any]]:
    for line in answer:
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            if isinstance(event, dict):
                yield event


def _says_something(delta: Mapping[str, Any]) -> bool:
    return bool(delta.get("content") or delta.get("reasoning_content") or delta.get("reasoning"))


def _message(body: bytes, status: int) -> str:
    """The shim's explanation on one line."""
    try:
        text = str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}"
    return "; ".join(" ".join(line.split()) for line in text.splitlines() if line.strip())
