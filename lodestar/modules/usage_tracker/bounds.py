"""Upper bounds of what a request can use, found without any tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lodestar.exchange import Request
from lodestar.hookspecs import Refused
from lodestar.settings import ModelEntry

DEFAULT_OUTPUT = 8192
PER_MESSAGE = 16
PER_REQUEST = 64
# No provider counts one picture or sound as more; its URL says nothing about its size.
PER_ATTACHMENT = 65_536
# Priced apart from tokens, so no hold could cover them.
UNBOUNDED = (
    "audio",
    "background",
    "plugins",
    "prediction",
    "search_parameters",
    "web_search_options",
)


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
            return min(asked, entry.max_output) if entry.max_output else asked
    return entry.max_output or DEFAULT_OUTPUT


def answers(request: Request) -> int:
    """How many answers are asked for. Raises Refused where the cost has no bound."""
    for name in UNBOUNDED:
        if request.body.get(name):
            raise _unbounded(name)
    if request.body.get("service_tier") not in (None, "default", "flex"):
        raise _unbounded("service_tier")
    count = request.body.get("n")
    if count is None:
        return 1
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise _unbounded("n")
    return count


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
    contents = [message.get("content") for message in messages if isinstance(message, Mapping)]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return sum(1 for part in parts if not isinstance(part, Mapping) or part.get("type") != "text")
