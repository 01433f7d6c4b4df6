"""A server on loopback that takes one key, and remembers what it was asked and with which one."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class KeyServer:
    """Answers GET with 200 where the right key comes in `header`, else with 401.

    `elsewhere` is where it sends everybody instead. `mood`: `normal`; `public` answers everybody;
    `mute` never answers; a number answers with that status.
    """

    def __init__(
        self,
        key: str = "",
        header: str = "Authorization",
        mood: str = "normal",
        elsewhere: str = "",
    ) -> None:
        self.key, self.header, self.mood, self.elsewhere = key, header, mood, elsewhere
        self.asked: list[tuple[str, str | None]] = []
        """The path and the key of each request."""
        self.headers: list[dict[str, str]] = []
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> KeyServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """As an api_base."""
        return f"http://{self.host}/v1"

    def status(self, path: str, headers: dict[str, str]) -> int:
        """Note a request, and say what it is answered."""
        given = headers.get(self.header)
        self.asked.append((path, given))
        self.headers.append(headers)
        if self.mood == "mute":
            self._released.wait(60)
        if self.mood.isdecimal():
            return int(self.mood)
        if self.elsewhere:
            return 307
        wanted = f"Bearer {self.key}" if self.header == "Authorization" else self.key
        return 200 if self.mood == "public" or given == wanted else 401


def _handler(server: KeyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = b'{"object": "list", "data": []}'
            self.send_response(server.status(self.path, dict(self.headers.items())))
            if server.elsewhere:
                self.send_header("Location", f"{server.elsewhere}/models")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    return Handler
