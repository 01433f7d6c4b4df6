"""The faults of faulty.py behind each kind of upstream: a server, an Ollama, the engine's socket.

with FaultyKind("engine", home) as upstream:
    upstream.fail_by("rst")
    ...                      # the shim asks the engine of `home`
    assert upstream.requests == 1
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from lodestar.paths import engine_socket
from tests.fakes.faulty import MODES, Faulty, head

ERROR = b'{"error": {"message": "not now", "type": "server_error"}}'
MORE = {
    "429": [head("application/json", "Retry-After: 1", status="429 No") + ERROR],
    "500": [head("application/json", status="500 No") + ERROR],
    "overloaded": [head("text/event-stream")
                   + b'data: {"type": "error", "error": {"message": "Overloaded"}}\n\n'],
}  # fmt: skip
CONTEXT = 8192


class FaultyKind(Faulty):
    """Everything but a chat is answered as it should be: what is asked about health, for one."""

    def __init__(self, kind: str, home: Path) -> None:
        super().__init__()
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
        }  # fmt: skip
        at = {} if self.kind == "engine" else {"api_base": self.url}
        return {"model": "gpt-4o", "max_output": 300, **entries[self.kind], **at, **more}

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
        elif not path.endswith("/chat/completions"):
            client.sendall(head("application/json") + json.dumps(_beside(path)).encode())
        else:
            self.requests += 1
            answer = MORE.get(self.mode) or MODES[self.mode](bool(json.loads(body)["stream"]))
            for chunk in answer:
                self._send(client, chunk)
            self._end(client)


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
