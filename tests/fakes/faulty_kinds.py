"""The faults of faulty.py behind each kind of upstream: a server, an Ollama, the engine's socket,
and an Anthropic behind the translator.

with FaultyKind("engine", home) as upstream:
    upstream.fail_by("rst")
    ...                      # the shim asks the engine of `home`
    assert upstream.requests == 1
"""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from lodestar.paths import engine_socket
from tests.fakes import anthropic
from tests.fakes.faulty import MODES, PAUSE, SSE, Chunks, Faulty, head

ERROR = b'{"error": {"message": "not now", "type": "server_error"}}'
MORE = {
    "429": [head("application/json", "Retry-After: 1", status="429 No") + ERROR],
    "500": [head("application/json", status="500 No") + ERROR],
    "overloaded": [head("text/event-stream")
                   + b'data: {"type": "error", "error": {"message": "Overloaded"}}\n\n'],
}  # fmt: skip
CONTEXT = 8192
_BEGUN = {
    "type": "message_start",
    "message": {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "m",
                "stop_reason": None, "stop_sequence": None,
                "usage": {"input_tokens": 11, "output_tokens": 1}},
}  # fmt: skip
_BLOCK = {"type": "content_block_start", "index": 0, "content_block": anthropic.text("")}
_WORDS = {"type": "content_block_delta", "index": 0,
          "delta": {"type": "text_delta", "text": "Hello there "}}  # fmt: skip
_STOP = {"type": "content_block_stop", "index": 0}
_DELTA = {"type": "message_delta", "usage": {"output_tokens": 7},
          "delta": {"stop_reason": "end_turn", "stop_sequence": None}}  # fmt: skip
_START = b"".join(map(anthropic.event, (_BEGUN, _BLOCK)))
_FIRST = _START + anthropic.event(_WORDS)
_REST = b"".join(map(anthropic.event, (_STOP, _DELTA, {"type": "message_stop"})))
_LATER = [SSE + _FIRST, PAUSE]
CLAUDE: dict[str, Chunks] = {
    "good": [SSE + _FIRST + _REST],
    "slow": [SSE + _START, PAUSE, anthropic.event(_WORDS) + _REST],
    "garbage": [SSE + b"data: {broken\n\n"],
    "429": anthropic.failure(429, "rate_limit_error", "not now", "Retry-After: 1"),
    "500": anthropic.failure(500, "api_error", "not now"),
    "overloaded": [SSE + anthropic.event(anthropic.error("overloaded_error", "Overloaded"))],
    "rst_later": _LATER,
    "stall_later": _LATER,
    "garbage_later": [*_LATER, b"data: {broken\n\n"],
}
"""What an Anthropic sends; the other faults are the same for everybody."""


class FaultyKind(Faulty):
    """Everything but a chat is answered as it should be: what is asked about health, for one."""

    def __init__(self, kind: str, home: Path) -> None:
        super().__init__()
        self.asked_at: list[float] = []
        """When each chat came, in seconds of the monotonic clock."""
        if kind == "engine":
            self._listener.close()
            path = engine_socket(home)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen(64)
        self.kind = kind

    def entry(self, **more: Any) -> dict[str, Any]:
        """A model of this kind; `openai-paid` costs money, the others nothing."""
        entries: dict[str, dict[str, Any]] = {
            "openai": {"provider": "openai", "billing": "free"},
            "openai-paid": {"provider": "openai", "billing": "payg", "price_in": 3,
                            "price_out": 15, "tier": 3},
            "ollama": {"provider": "ollama", "billing": "local"},
            "engine": {"provider": "engine", "billing": "local"},
            "translator": {"provider": "litellm", "billing": "payg", "price_in": 3,
                           "price_out": 15, "tier": 3, "key_env": "FAULTY_KEY"},
        }  # fmt: skip
        at = {} if self.kind == "engine" else {"api_base": self.url}
        model = "anthropic/claude-sonnet-4-5" if self.kind == "translator" else "gpt-4o"
        return {"model": model, "max_output": 300, **entries[self.kind], **at, **more}

    def _serve(self, client: socket.socket) -> None:
        with client:
            client.settimeout(30)
            try:
                self._one(client)
            except OSError:
                self.hung_up.set()

    def _one(self, client: socket.socket) -> None:
        path, body = _request(client)
        if path == "/v1/lease":
            client.sendall(head("text/plain"))
            client.settimeout(None)
            client.recv(1)
        elif not path.endswith(("/chat/completions", "/v1/messages")):
            client.sendall(head("application/json") + json.dumps(_beside(path)).encode())
        else:
            self.requests += 1
            self.asked_at.append(time.monotonic())
            for chunk in self._chunks(json.loads(body)):
                self._send(client, chunk)
            self._end(client)

    def _chunks(self, body: dict[str, Any]) -> Chunks:
        found = CLAUDE.get(self.mode) if self.kind == "translator" else MORE.get(self.mode)
        return found or MODES[self.mode](bool(body["stream"]))


def _beside(path: str) -> dict[str, Any]:
    model = {"name": "gpt-4o:latest", "model": "gpt-4o:latest", "context_length": CONTEXT}
    return {"models": [model]} if path in ("/api/ps", "/api/tags") else {"status": "ok"}


def _request(client: socket.socket) -> tuple[str, bytes]:
    raw = b""
    while b"\r\n\r\n" not in raw:
        chunk = client.recv(1 << 16)
        if not chunk:
            raise ConnectionError
        raw += chunk
    start, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = start.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines)
    while len(body) < int(fields.get("content-length", 0)):
        body += client.recv(1 << 16)
    return first.split(" ")[1], body
