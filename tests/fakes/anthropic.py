"""Anthropic's Messages API, as far as a client of it can tell.

with Anthropic() as provider:
    provider.says(thinking("Hm."), text("Hello."))
    provider.usage = {"input_tokens": 12, "output_tokens": 30}
    ...                               # talk to provider.address
    assert provider.requests[0].headers["x-api-key"] == "sk-test"
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.fakes.wire import Got, Wire, head

Block = dict[str, Any]
USAGE = {"input_tokens": 25, "output_tokens": 15}
PING = {"type": "ping"}


def text(words: str) -> Block:
    """A block of words."""
    return {"type": "text", "text": words}


def thinking(words: str, signature: str = "c2lnbmVk") -> Block:
    """A block of thoughts, signed."""
    return {"type": "thinking", "thinking": words, "signature": signature}


def tool_use(name: str, **arguments: Any) -> Block:
    """A call of a tool."""
    return {"type": "tool_use", "id": "toolu_01", "name": name, "input": arguments}


class Anthropic(Wire):
    """Answers each request of `POST /v1/messages` with the blocks that it `says`."""

    def __init__(self, *blocks: Block) -> None:
        super().__init__()
        self.usage: Mapping[str, Any] = USAGE
        self.stop_reason: str | None = None
        self._blocks = list(blocks) or [text("Hello from the fake Claude.")]
        self.answer = self.message

    def says(self, *blocks: Block) -> None:
        """The next answers consist of these blocks."""
        self._blocks = list(blocks)

    def message(self, got: Got) -> Iterable[bytes]:
        """A good answer, whole or streamed, as asked."""
        if got.path != "/v1/messages":
            return failure(404, "not_found_error", f"no such path: {got.path}")
        if not got.body.get("stream"):
            return [_sized("application/json", json.dumps(self.whole(got)).encode())]
        return [head("text/event-stream; charset=utf-8"), *map(event, self.events(got))]

    def whole(self, got: Got) -> dict[str, Any]:
        """The answer in one piece."""
        message = {"id": "msg_01", "type": "message", "role": "assistant", "content": self._blocks}
        end = {"stop_reason": self._reason, "stop_sequence": None, "usage": self.usage}
        return {**message, "model": got.body["model"], **end}

    def events(self, got: Got) -> Iterator[dict[str, Any]]:
        """The answer as events: the input is counted in the first, the output in the last."""
        begun = {**self.usage, "output_tokens": 1}
        empty = {**self.whole(got), "content": [], "stop_reason": None, "usage": begun}
        yield {"type": "message_start", "message": empty}
        yield PING
        for index, block in enumerate(self._blocks):
            yield {"type": "content_block_start", "index": index, "content_block": _opened(block)}
            for delta in _deltas(block):
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        delta = {"stop_reason": self._reason, "stop_sequence": None}
        output = {"output_tokens": self.usage["output_tokens"]}
        yield {"type": "message_delta", "delta": delta, "usage": output}
        yield {"type": "message_stop"}

    @property
    def _reason(self) -> str:
        called = any(block["type"] == "tool_use" for block in self._blocks)
        return self.stop_reason or ("tool_use" if called else "end_turn")


def event(data: Mapping[str, Any]) -> bytes:
    """One event of a stream."""
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def error(kind: str, message: str) -> dict[str, Any]:
    """Anthropic's envelope of an error, also as an event."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_01"}


def failure(status: int, kind: str, message: str, *fields: str) -> list[bytes]:
    """An answer that is an error."""
    body = json.dumps(error(kind, message)).encode()
    return [_sized("application/json", body, f"{status} No", *fields)]


def _sized(kind: str, body: bytes, status: str = "200 OK", *fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _opened(block: Block) -> Block:
    if block["type"] == "text":
        return text("")
    if block["type"] == "thinking":
        return thinking("", "")
    return {**block, "input": {}}


def _deltas(block: Block) -> Iterator[dict[str, str]]:
    if block["type"] == "text":
        yield from ({"type": "text_delta", "text": part} for part in _split(block["text"]))
    elif block["type"] == "thinking":
        for part in _split(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": part}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        arguments = json.dumps(block["input"])
        yield {"type": "input_json_delta", "partial_json": ""}
        yield from (
            {"type": "input_json_delta", "partial_json": part} for part in _split(arguments)
        )


def _split(words: str, size: int = 12) -> Iterator[str]:
    letters = iter(words)
    while part := "".join(itertools.islice(letters, size)):
        yield part
