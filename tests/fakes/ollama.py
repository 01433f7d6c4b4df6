"""A small Ollama on loopback: its lists, its loading, and its way of cutting prompts short.

    with Ollama({"llama3.1:8b": Model()}) as ollama:
        ...                      # talk to ollama.url, or to ollama.url + "/v1"
        assert ollama.cut == 0   # nothing was dropped without a word

As a script (`python -m tests.fakes.ollama [PORT] [MODEL ...]`) it prints its URL and serves.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BYTES_PER_TOKEN = 4
PER_MESSAGE = 4
NANO = 10**9


@dataclass
class Model:
    """A model that was pulled; `num_ctx` is of its own settings, `trained` the most it can."""

    num_ctx: int | None = None
    trained: int = 16384
    size: int = 4_000_000_000
    digest: str = "sha256:0123"


@dataclass
class Recorded:
    """One request as it arrived."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Ollama:
    """The server. Settings that a test may change at any time are plain attributes."""

    def __init__(
        self, models: Mapping[str, Model] | None = None, port: int = 0, text: str = "Hello there."
    ) -> None:
        self.models = dict({"llama3.1:8b": Model()} if models is None else models)
        self.text = text
        self.default_context = 4096
        self.says_context = True
        """Older ones do not say how much context a loaded model has."""
        self.delay_s = 0.0
        self.status: int | None = None
        """Every answer is this error, where it is set."""
        self.chat_status: int | None = None
        """The same for chats alone, until a model is loaded anew: its runner has died."""
        self.in_vram = 1.0
        """The share of a loaded model that is on the GPU."""
        self.cut = 0
        """Messages that were dropped because a prompt was too long."""
        self.requests: list[Recorded] = []
        self.loaded: dict[str, int] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True
        self._server.ollama = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address, as a user writes it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def chats(self) -> list[Recorded]:
        """The chat requests among the recorded ones."""
        return [r for r in self.requests if r.path.endswith("/chat/completions")]

    def __enter__(self) -> Ollama:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [recorded.path for recorded in self.requests]

    def load(self, name: str) -> int:
        """Put a model into memory, with the context that it gets; returns that."""
        model = self.models[name]
        window = min(model.num_ctx or self.default_context, model.trained)
        return self.loaded.setdefault(name, window)

    def listed(self) -> dict[str, Any]:
        """GET /api/tags."""
        return {"models": [{"name": n, "model": n, "size": m.size, "digest": m.digest}
                           for n, m in self.models.items()]}  # fmt: skip

    def running(self) -> dict[str, Any]:
        """GET /api/ps."""
        found = []
        for name, window in self.loaded.items():
            size = self.models[name].size
            sizes = {"size": size, "size_vram": int(size * self.in_vram)}
            entry = {"name": name, "model": name, "expires_at": "2100-01-01T00:00:00Z", **sizes}
            found.append({**entry, "context_length": window} if self.says_context else entry)
        return {"models": found}

    def shown(self, name: str) -> dict[str, Any]:
        """POST /api/show."""
        model = self.models[name]
        own = f'stop                           "<|EOT|>"\nnum_ctx    {model.num_ctx}'
        return {
            "parameters": own if model.num_ctx else 'stop "<|EOT|>"',
            "model_info": {"general.architecture": "llama", "llama.context_length": model.trained},
            "details": {"family": "llama", "parameter_size": "6.7B"},
        }

    def fitted(self, name: str, messages: list[dict[str, Any]]) -> int:
        """The prompt's tokens once the oldest messages are dropped until it fits."""
        kept = list(messages)
        while len(kept) > 1 and _tokens(kept) > self.loaded[name]:
            kept.pop(0)
            self.cut += 1
        return _tokens(kept)


def _tokens(messages: list[dict[str, Any]]) -> int:
    text = sum(len(json.dumps(m.get("content", ""))) - 2 for m in messages)
    return text // BYTES_PER_TOKEN + PER_MESSAGE * len(messages)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def ollama(self) -> Ollama:
        found: Ollama = self.server.ollama  # type: ignore[attr-defined]
        return found

    def do_GET(self) -> None:
        self._note(None)
        answers = {"/api/tags": self.ollama.listed, "/api/ps": self.ollama.running,
                   "/api/version": lambda: {"version": "0.12.6"}}  # fmt: skip
        if self._failing():
            return
        if self.path == "/":
            self._bytes(b"Ollama is running", "text/plain")
        elif self.path == "/v1/models":
            self._json({"object": "list", "data": [{"id": name} for name in self.ollama.models]})
        elif self.path in answers:
            self._json(answers[self.path]())
        else:
            self._json({"error": "404 page not found"}, 404)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        self._note(body)
        if self._failing():
            return
        name = str(body.get("model", ""))
        name = name if ":" in name else f"{name}:latest"
        if name not in self.ollama.models:
            text = f"model '{body.get('model')}' not found"
            wire = {"message": text, "type": "not_found_error", "param": None, "code": None}
            self._json({"error": wire if self.path.startswith("/v1") else text}, 404)
        elif self.path == "/api/show":
            self._json(self.ollama.shown(name))
        elif self.path == "/api/generate" and body.get("keep_alive") == 0:
            self.ollama.loaded.pop(name, None)
            self._json({"model": name, "response": "", "done": True, "done_reason": "unload"})
        elif self.path == "/api/generate":
            if name not in self.ollama.loaded:
                self.ollama.chat_status = None
            self.ollama.load(name)
            self._json({"model": name, "response": "", "done": True, "done_reason": "load"})
        elif self.path == "/v1/chat/completions":
            self._chat(name, body)
        else:
            self._json({"error": "404 page not found"}, 404)

    def _chat(self, name: str, body: Mapping[str, Any]) -> None:
        if self.ollama.chat_status is not None:
            self._json({"error": {"message": "runner terminated"}}, self.ollama.chat_status)
            return
        self.ollama.load(name)
        prompt = self.ollama.fitted(name, body["messages"])
        words = self.ollama.text.split(" ")[: body.get("max_tokens")]
        usage = {"prompt_tokens": prompt, "completion_tokens": len(words),
                 "total_tokens": prompt + len(words)}  # fmt: skip
        head = {"id": "chatcmpl-1", "created": 1, "model": body["model"],
                "system_fingerprint": "fp_ollama"}  # fmt: skip
        if not body.get("stream"):
            message = {"role": "assistant", "content": " ".join(words)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self._json({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        asked = (body.get("stream_options") or {}).get("include_usage")
        for event in _events(head, words, usage if asked else None):
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _failing(self) -> bool:
        time.sleep(self.ollama.delay_s)
        if self.ollama.status is None:
            return False
        self._json({"error": "out of order"}, self.ollama.status)
        return True

    def _note(self, body: Any) -> None:
        found = Recorded(self.command, self.path, body, dict(self.headers))
        self.ollama.requests.append(found)

    def _json(self, data: Any, status: int = 200) -> None:
        self._bytes(json.dumps(data).encode(), "application/json", status)

    def _bytes(self, data: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Not on the test's output."""


def _events(
    head: Mapping[str, Any], words: list[str], usage: Mapping[str, Any] | None
) -> Iterator[bytes]:
    def event(choices: list[Any], **more: Any) -> bytes:
        data = {**head, "object": "chat.completion.chunk", "choices": choices, **more}
        return b"data: " + json.dumps(data).encode() + b"\n\n"

    for number, word in enumerate(words):
        delta = {"role": "assistant", "content": word if number == 0 else f" {word}"}
        yield event([{"index": 0, "delta": delta, "finish_reason": None}])
    yield event([{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}])
    if usage:
        yield event([], usage=usage)
    yield b"data: [DONE]\n\n"


def _main(arguments: list[str]) -> None:
    port, *names = arguments or ["0"]
    with Ollama({name: Model() for name in names} or None, int(port)) as ollama:
        print(ollama.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    _main(sys.argv[1:])
