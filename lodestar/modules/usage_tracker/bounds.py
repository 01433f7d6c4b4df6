"""Upper bounds of what a request can use, found without any tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lodestar.exchange import DEFAULT_OUTPUT, Request
from lodestar.hookspecs import Refused
from lodestar.settings import ModelEntry

PER_MESSAGE = 16
PER_REQUEST = 64
# No provider counts one picture or sound as more; its URL says nothing about its size.
PER_ATTACHMENT = 65_536
MOST_OUTPUT = 1_000_000
"""No model answers with more tokens, whatever a client asks for."""
# What a paid model may be sent: nothing here chooses another model, server or price, or is priced
# apart from tokens.
BOUNDED = frozenset(
    {"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n",
     "temperature", "top_p", "top_k", "min_p", "seed", "stop", "tools", "tool_choice",
     "parallel_tool_calls", "functions", "function_call", "response_format", "logit_bias",
     "frequency_penalty", "presence_penalty", "repetition_penalty", "logprobs", "top_logprobs",
     "user", "metadata", "safety_identifier", "prompt_cache_key", "verbosity", "thinking",
     "reasoning", "reasoning_effort", "include_reasoning"}
)  # fmt: skip
PARTS = frozenset({"text", "image_url"})
"""Parts of a message whose tokens have a bound; a file or a video behind a name has none."""


def max_input(request: Request) -> int:
    """No request has more input tokens than this: a token is at least one byte of text."""
    messages = request.body.get("messages") or ()
    return (
        _text_bytes(request.body)
        + PER_MESSAGE * len(messages)
        + PER_ATTACHMENT * _attachments(messages)
        + PER_REQUEST
    )


def max_output(request: Request, entry: ModelEntry) -> int:
    """The output cap to send, tokens: the least of client's and model's, else 8192."""
    for name in ("max_completion_tokens", "max_tokens"):
        asked = request.body.get(name)
        if isinstance(asked, int) and not isinstance(asked, bool) and asked > 0:
            return min(asked, entry.max_output or MOST_OUTPUT)
    return entry.max_output or DEFAULT_OUTPUT


def answers(request: Request) -> int:
    """How many answers are asked for. Raises Refused where the cost has no bound."""
    _check(request.body)
    count = request.body.get("n")
    if count is None:
        return 1
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise _unbounded("n")
    return count


def _check(body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        if name not in BOUNDED and value:
            raise _unbounded(str(name))
    for tool in body.get("tools") or ():
        if not isinstance(tool, Mapping) or tool.get("type") != "function":
            raise _unbounded("tools")
    for part in _parts(body.get("messages") or ()):
        if not isinstance(part, Mapping) or part.get("type") not in PARTS:
            raise _unbounded("messages")
    # A message, a part of it or a tool may be marked.
    if any(_kept_longer(mark) for mark in _marks([body.get("messages"), body.get("tools")])):
        raise _unbounded("cache_control")


def _kept_longer(mark: Any) -> bool:
    """Whether a cache is to be kept for longer than usual: writing it has another price."""
    return isinstance(mark, Mapping) and mark.get("ttl") not in (None, "5m")


def _marks(value: Any) -> Iterator[Any]:
    """Every `cache_control` in a JSON value."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            if "cache_control" in item:
                yield item["cache_control"]
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)


def _unbounded(name: str) -> Refused:
    return Refused(
        f"a paid request with `{name}` has no upper bound of its cost",
        "ask",
        "worst_case",
        f"send it without `{name}`, or use a free model",
    )


def _text_bytes(value: Any) -> int:
    """UTF-8 bytes of every key, string and number in a JSON value."""
    total, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)
        else:
            total += len(str(item).encode("utf-8", "surrogatepass"))
    return total


def _attachments(messages: Any) -> int:
    return sum(
        not isinstance(part, Mapping) or part.get("type") != "text" for part in _parts(messages)
    )


def _parts(messages: Any) -> list[Any]:
    contents = [message.get("content") for message in messages if isinstance(message, Mapping)]
    return [part for content in contents if isinstance(content, list) for part in content]
