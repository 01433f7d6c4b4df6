"""Price files for tests: what a test says over the installed one, and a server that has one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from lodestar.prices.listing import FILE


def installed() -> Path:
    """The price file that came with litellm."""
    return Path(str(distribution("litellm").locate_file(FILE)))


def price_list(**models: Mapping[str, Any] | None) -> str:
    """The installed list with other fields for these models; None takes a model out."""
    found = json.loads(installed().read_bytes())
    for name, fields in models.items():
        if fields is None:
            found.pop(name, None)
        else:
            found[name] = {**found.get(name, {}), **fields}
    return json.dumps(found)


Answer = Callable[[BaseHTTPRequestHandler], None]


class ListServer:
    """An HTTP server on loopback that answers as it is told, and says what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, dict(self.headers)))
                answer(self)

            def log_message(self, *_: Any) -> None:
                """Nothing on stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/prices.json"

    def __enter__(self) -> ListServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def body(text: str, length: int | None = None) -> Answer:
    """An answer of this text; with a `length` that it says to have."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        data = text.encode()
        request.send_response(200)
        request.send_header("Content-Length", str(len(data) if length is None else length))
        request.end_headers()
        request.wfile.write(data)

    return answer


def status(code: int, **headers: str) -> Answer:
    """An answer without anything in it."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer
