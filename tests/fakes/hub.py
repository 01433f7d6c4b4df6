"""A small model hub on loopback, as huggingface_hub talks to the real one.

    with Hub(file.read_bytes()) as hub:
        hub.cut_at = 1000                 # the next download breaks off there
        ...                               # HF_ENDPOINT=hub.url
        assert hub.downloads[-1].range == "bytes=1000-"

It answers /api/models/{repo}/revision/{rev} and HEAD and GET /{repo}/resolve/{rev}/{file}. A file
lies elsewhere, as the real ones do: `resolve` says size and checksum and redirects to another
host, `localhost`, which must not see a token.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "tester/tiny-coder-GGUF"
FILE = "tiny-coder-q4_k_m.gguf"
_API = re.compile(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?\Z")
_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)\Z")


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    host: str
    range: str | None
    token: str | None


class Hub:
    """One repository with one file. The attributes say how it behaves; change them at will.

    cut_at     the next download breaks off after so many bytes
    hold_at    the next download stops there until `release()`
    status     every answer of API and `resolve` is this status, with `error_code` in its header
    token      what the repository asks for; without it the answer is 401
    sha256     the checksum that is stated; None: none, as for a file outside of LFS
    """

    def __init__(self, content: bytes, repo: str = REPO, file: str = FILE) -> None:
        self.content = content
        self.repo = repo
        self.file = file
        self.card: dict[str, Any] = {"license": "apache-2.0"}
        self.sha256: str | None = hashlib.sha256(content).hexdigest()
        self.cut_at: int | None = None
        self.hold_at: int | None = None
        self.holding = threading.Event()
        self.status: int | None = None
        self.error_code = ""
        self.token: str | None = None
        self.requests: list[Asked] = []
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """What HF_ENDPOINT must be."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def downloads(self) -> list[Asked]:
        """The requests for the file's bytes."""
        return [r for r in self.requests if r.method == "GET" and r.path.startswith("/cdn/")]

    def release(self) -> None:
        """Let a held download go on."""
        self._released.set()

    def wait_released(self) -> None:
        """Block a download, and say that it is blocked."""
        self.holding.set()
        self._released.wait(30)

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(_Answers):
        pass

    Handler.hub = hub
    return Handler


class _Answers(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """The requests are kept, not printed."""

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        token = self.headers.get("Authorization")
        host = self.headers.get("Host", "").partition(":")[0]
        asked = Asked(self.command, path, host, self.headers.get("Range"), token)
        self.hub.requests.append(asked)
        if path.startswith("/cdn/"):
            self._bytes(asked.range)
        elif not self._refused(token):
            self._described(path)

    def _refused(self, token: str | None) -> bool:
        hub = self.hub
        missing = hub.token is not None and token != f"Bearer {hub.token}"
        status = hub.status or (401 if missing else None)
        if status is not None:
            self._fail(status, hub.error_code)
        return status is not None

    def _described(self, path: str) -> None:
        api, file = _API.match(path), _RESOLVE.match(path)
        found = api or file
        repo, revision = (found[1], found[2]) if found else ("", None)
        if repo != self.hub.repo:
            self._fail(404, "RepoNotFound")
        elif revision not in (None, "main", COMMIT):
            self._fail(404, "RevisionNotFound")
        elif api:
            self._card()
        elif file and unquote(file[3]) == self.hub.file:
            self._redirected()
        else:
            self._fail(404, "EntryNotFound")

    def _card(self) -> None:
        files = [{"rfilename": ".gitattributes"}, {"rfilename": self.hub.file}]
        facts = {"id": self.hub.repo, "sha": COMMIT, "siblings": files, "cardData": self.hub.card}
        body = json.dumps({**facts, "private": False, "gated": False, "tags": []}).encode()
        self._head(200, {"Content-Type": "application/json", "Content-Length": len(body)})
        self.wfile.write(body)

    def _redirected(self) -> None:
        hub = self.hub
        linked = {"X-Linked-Etag": f'"{hub.sha256}"'} if hub.sha256 else {}
        elsewhere = f"http://localhost:{hub.port}/cdn/{hub.file}?signed=1"
        size = {"X-Linked-Size": len(hub.content), "Content-Length": 0}
        xet = {"X-Xet-Hash": "a" * 64, "Link": f'<{hub.url}/xet>; rel="xet-auth"'}
        told = {"X-Repo-Commit": COMMIT, "ETag": '"a-git-hash"', "Location": elsewhere}
        self._head(302, {**told, **linked, **size, **xet})

    def _bytes(self, wanted: str | None) -> None:
        hub = self.hub
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        rest = hub.content[start:]
        headers: dict[str, Any] = {"Content-Length": len(rest), "Accept-Ranges": "bytes"}
        if wanted:
            whole = len(hub.content)
            headers["Content-Range"] = f"bytes {start}-{whole - 1}/{whole}"
        self._head(206 if wanted else 200, headers)
        stop, hold = hub.cut_at, hub.hold_at
        hub.cut_at = hub.hold_at = None
        self.wfile.write(rest[: stop or hold])
        if hold:
            hub.wait_released()
            self.wfile.write(rest[hold:])

    def _fail(self, status: int, code: str) -> None:
        self._head(status, {"X-Error-Code": code, "Content-Length": 0})

    def _head(self, status: int, headers: dict[str, Any]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.flush()
