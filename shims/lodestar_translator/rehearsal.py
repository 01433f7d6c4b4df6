"""A request that nobody is asked, so that the first real one finds everything loaded."""

from __future__ import annotations

import json

import httpx

from lodestar_translator.asked import Asked

_USAGE = {"input_tokens": 1, "output_tokens": 1}
_MESSAGE = {"id": "rehearsal", "type": "message", "role": "assistant", "model": "rehearsal"}
_TEXT = {"type": "text", "text": "."}
_EVENTS = (
    {"type": "message_start", "message": {**_MESSAGE, "content": [], "usage": _USAGE}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": _USAGE},
    {"type": "message_stop"},
)


def asked(stream: bool) -> Asked:
    """A request of the kind that is asked most."""
    messages = [{"role": "user", "content": "."}]
    return Asked("anthropic/claude-sonnet-4-5", messages, stream, {"max_tokens": 1}, "none")


def answer(stream: bool) -> httpx.Response:
    """The answer to it."""
    if not stream:
        whole = {**_MESSAGE, "content": [_TEXT], "stop_reason": "end_turn", "usage": _USAGE}
        return httpx.Response(200, json=whole)
    lines = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in _EVENTS)
    return httpx.Response(200, content=lines, headers={"Content-Type": "text/event-stream"})
