"""A chat completion request, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lodestar_engine.errors import ApiError
from lodestar_engine.names import ModelName, parse_name
from lodestar_engine.native import RANDOM_SEED, Sampling

MAX_STOPS = 16


@dataclass(frozen=True)
class ChatRequest:
    """What the engine honours of an OpenAI body; the rest of the body is ignored."""

    model: ModelName
    messages: list[dict[str, str]]
    sampling: Sampling
    max_tokens: int | None
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool


def parse_chat(body: object) -> ChatRequest:
    """Raises ApiError (400) naming the field that is wrong."""
    if not isinstance(body, dict):
        raise ApiError("The request's body must be a JSON object.")
    model = parse_name(body.get("model"))
    if body.get("n") not in (None, 1):
        raise ApiError("The field n must be 1: this server gives one answer a request.")
    options = body.get("stream_options") or {}
    return ChatRequest(
        model=model,
        messages=_messages(body.get("messages")),
        sampling=_sampling(body),
        max_tokens=_max_tokens(body),
        stop=_stop(body.get("stop")),
        stream=body.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _messages(value: object) -> list[dict[str, str]]:
    if not isinstance(value, list) or not value:
        raise ApiError("The field messages must be a list with at least one message.")
    return [_message(item) for item in value]


def _message(item: object) -> dict[str, str]:
    if not isinstance(item, dict) or not isinstance(item.get("role"), str):
        raise ApiError("Each message must be an object with a role.")
    return {"role": item["role"], "content": _content(item.get("content"))}


def _content(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list):
        return "".join(_part(part) for part in value)
    raise ApiError("A message's content must be text.")


def _part(part: object) -> str:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return str(part["text"])
    raise ApiError("A message's content must be text: local models take no images or files.")


def _sampling(body: dict[str, object]) -> Sampling:
    seed = body.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise ApiError("The field seed must be an integer.")
    return Sampling(
        temperature=_number(body, "temperature", default=0.0, low=0.0, high=100.0),
        top_p=_number(body, "top_p", default=0.95, low=0.0, high=1.0),
        seed=None if seed is None else seed % RANDOM_SEED,
    )


def _number(
    body: dict[str, object], name: str, *, default: float, low: float, high: float
) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ApiError(f"The field {name} must be a number.")
    if not low <= value <= high:
        raise ApiError(f"The field {name} must be between {low:g} and {high:g}.")
    return float(value)


def _max_tokens(body: dict[str, object]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ApiError(f"The field {name} must be a positive integer.")
        return value
    return None


def _stop(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ApiError("The field stop must be a string or a list of strings.")
    if len(texts) > MAX_STOPS:
        raise ApiError(f"The field stop may hold at most {MAX_STOPS} strings.")
    return tuple(texts)
