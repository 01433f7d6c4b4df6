"""An upstream that repeats what it is given, the key included, wherever an answer has room.

with Parrot() as upstream:
    ...                        # talk to upstream.url
    assert upstream.keys == {"the key that was sent"}
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lodestar.known_secrets import forms

CHUNK = 3


class Parrot:
    """Repeats the last message, and the key in every form of it, three letters at a time.

    A message that starts with `fail` is answered by an error with the same words.
    """

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.asked = threading.Event()
        """Set at each request."""
        self.go_on = threading.Event()
        self.go_on.set()
        """Cleared, every answer waits after its first letters."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Parrot:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def url(self) -> str:
        """The base URL, /v1 included."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        parrot = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on the tests' stderr."""

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                message = json.loads(self.rfile.read(size))["messages"][-1]["content"]
                key = self.headers.get("Authorization", "").removeprefix("Bearer ")
                parrot.keys.add(key)
                parrot.asked.set()
                words = " ".join([message, *sorted(set(forms(key)))])
                failing = message.startswith("fail")
                self.send_response(400 if failing else 200)
                kind = "application/json" if failing else "text/event-stream"
                self.send_header("Content-Type", kind)
                self.end_headers()
                for block in [_error(words, key)] if failing else _events(words, key):
                    self.wfile.write(block)
                    parrot.go_on.wait(60)

        return Handler


def _error(words: str, key: str) -> bytes:
    return json.dumps({"error": {"message": words, "type": key, "code": key}}).encode()


def _events(words: str, key: str) -> Iterator[bytes]:
    for start in range(0, len(words), CHUNK):
        yield _event(key, {"content": words[start : start + CHUNK]})
    yield _event(key, {}, key)
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "note": key, key: 1, "more": {"who": key}}
    yield b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def _event(key: str, delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"model": key, "choices": [choice]}).encode() + b"\n\n"
