"""An upstream on raw sockets that breaks HTTP, and the stream within it, in every way it knows.

with Faulty() as upstream:
    upstream.fail_by("gzip_bomb")
    ...                              # talk to upstream.url
    assert upstream.requests == 1
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import select
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

TEXT = "gr\u00fc\u00dfe \U0001f389 done"
MEBIBYTE = b"x" * (1 << 20)
PAUSE = b""
"""Among the chunks of an answer: wait for `go_on`, for `pause_s` at most."""
Chunks = Iterable[bytes]


class Faulty:
    """Answers every request by `mode`, a name among MODES."""

    def __init__(self) -> None:
        self.mode = "good"
        self.requests = 0
        self.hung_up = threading.Event()
        self.go_on = threading.Event()
        self.pause_s = 10.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._trap = socket.create_server(("127.0.0.1", 0))
        bomb()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Faulty:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        # Closing it would not wake the thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()
        self._trap.close()

    @property
    def url(self) -> str:
        """The base URL, /v1 included."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    @property
    def trapped(self) -> bool:
        """Whether anybody followed the redirect."""
        return bool(select.select([self._trap], [], [], 0)[0])

    def fail_by(self, mode: str) -> None:
        """Use this mode from now on, with fresh counts."""
        self.mode, self.requests = mode, 0
        self.hung_up.clear()
        self.go_on.clear()

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._start(self._serve, self._listener.accept()[0])

    def _serve(self, client: socket.socket) -> None:
        with client:
            client.settimeout(30)
            try:
                while stream := _read_request(client):
                    if stream == "look":
                        client.sendall(head("application/json") + b'{"data": []}')
                        return
                    self.requests += 1
                    for chunk in self._answer(stream == "stream"):
                        self._send(client, chunk)
                    self._end(client)
                    if self.mode not in ("good", "twice", "again"):
                        return
                self.hung_up.set()
            except OSError:
                self.hung_up.set()

    def _send(self, client: socket.socket, chunk: bytes) -> None:
        if chunk == PAUSE:
            self.go_on.wait(self.pause_s)
            self.go_on.clear()
        client.sendall(chunk)

    def _answer(self, stream: bool) -> Chunks:
        if self.mode == "redirect":
            port = self._trap.getsockname()[1]
            location = f"Location: http://127.0.0.1:{port}/v1/chat/completions"
            return [head("text/html", location, status="302 Found")]
        return MODES[self.mode](stream)

    def _end(self, client: socket.socket) -> None:
        if self.mode.startswith("stall"):
            # Until the shim gives up.
            client.recv(1)
            self.hung_up.set()
        elif self.mode.startswith("rst"):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.mode.startswith("halfclose"):
            client.shutdown(socket.SHUT_WR)
            client.recv(1)


def _read_request(client: socket.socket) -> str:
    """What the request asks for: stream or whole, or just a look whether somebody is there.

    Empty at the end of the connection.
    """
    raw = b""
    while b"\r\n\r\n" not in raw:
        chunk = client.recv(1 << 16)
        if not chunk:
            return ""
        raw += chunk
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if raw.startswith(b"GET "):
        return "look"
    while len(body) < int(fields[b"content-length"]):
        body += client.recv(1 << 16)
    return "stream" if json.loads(body)["stream"] else "whole"


def head(kind: str, *fields: str, status: str = "200 OK") -> bytes:
    """The start of an answer whose end is the connection's."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Connection: close", *fields, "", ""]
    return "\r\n".join(lines).encode()


SSE, JSON = head("text/event-stream"), head("application/json")


def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """One event of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    data = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return _data({**data, "choices": [choice], **more})


def _data(data: Any) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


WORDS = b"".join(event({"content": word}) for word in ("Hello ", "there "))
USAGE = {"prompt_tokens": 11, "completion_tokens": 7}
GOOD_END = event({}, "stop", usage=USAGE) + b"data: [DONE]\n\n"


def completion(content: Any = TEXT, **more: Any) -> bytes:
    """A whole answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}}
    data = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": USAGE}
    choices = [{**choice, "finish_reason": "stop"}]
    return json.dumps({**data, "choices": choices, **more}).encode()


def _good(stream: bool, text: str = TEXT) -> Chunks:
    body = event({"content": text}) + GOOD_END if stream else completion(text)
    kind = "text/event-stream" if stream else "application/json"
    size = f"Content-Length: {len(body)}"
    return [f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{size}\r\n\r\n".encode() + body]


def _either(stream: bytes, whole: bytes) -> Callable[[bool], Chunks]:
    return lambda asked: [SSE + stream if asked else JSON + whole]


def _always(*chunks: bytes) -> Callable[[bool], Chunks]:
    return lambda _: chunks


def _split(stream: bool) -> Iterator[bytes]:
    """Every byte of the text on its own."""
    yield SSE
    for byte in event({"content": TEXT}):
        yield bytes([byte])
    yield GOOD_END


def _endless(start: list[bytes], again: bytes) -> Callable[[bool], Chunks]:
    return lambda _: itertools.chain(start, itertools.repeat(again))


@functools.cache
def bomb() -> bytes:
    """128 MiB, compressed to a thousandth of it."""
    packer = zlib.compressobj(1, wbits=31)
    return b"".join([*(packer.compress(MEBIBYTE) for _ in range(128)), packer.flush()])


_GZIP = "Content-Encoding: gzip"
_BIG = event({"content": "y" * 200_000})

MODES: dict[str, Callable[[bool], Chunks]] = {
    "good": _good,
    # Before anything is answered.
    "rst": _always(),
    "cut": _always(),
    "halfclose": _always(),
    "stall": _always(),
    "stall_in_head": _always(b"HTTP/1.1 200 OK\r\nContent-Ty"),
    "not_http": _always(b"SSH-2.0-OpenSSH_9.2 sk-planted-0123456789abcdef\r\n"),
    "huge_header": _always(b"HTTP/1.1 200 OK\r\nX: " + MEBIBYTE + b"\r\n\r\n"),
    "endless_headers": _endless([b"HTTP/1.1 200 OK\r\n"], b"X-More: " + b"x" * 4000 + b"\r\n"),
    "endless_100": _endless([], b"HTTP/1.1 100 Continue\r\n\r\n"),
    # An answer that is none.
    "html": _always(head("text/html") + b"<html>sign in</html>"),
    "wrong_type": _always(head("application/octet-stream") + WORDS + GOOD_END),
    "gzip_bomb": lambda asked: [
        head("text/event-stream" if asked else "application/json", _GZIP) + bomb()
    ],
    "error_gzip_bomb": lambda _: [head("text/html", _GZIP, status="500 Oops") + bomb()],
    "endless_error": _endless([head("text/plain", status="500 Oops")], MEBIBYTE),
    "stall_in_error": _always(head("text/plain", status="500 Oops") + b"some"),
    "garbage": _either(b"data: {broken\n\ndata: [DONE]\n\n", b"{broken"),
    "binary": _either(b"data: \xff\xfe\xfd\n\n", b"\xff\xfe\xfd"),
    "wrong_shape": _either(_data({"choices": "all"}), b'{"choices": {"0": 1}}'),
    "wrong_content": _either(event({"content": 5}), completion({"a": 1})),
    "no_choices": _either(_data({"choices": []}) + b"data: [DONE]\n\n", b"{}"),
    "empty": _either(b"", b""),
    "big_line": lambda asked: [SSE if asked else JSON, b"data: ", *[MEBIBYTE] * 10, b"\n\n"],
    "no_newline": _endless([SSE], MEBIBYTE),
    "endless_comments": _endless([SSE], b": wait\n\n" * 9000),
    "many_parts": lambda _: [JSON + b'{"choices": [' + b"{}," * 2_000_000 + b"{}]}"],
    "stall_at_first": lambda asked: [SSE if asked else JSON],
    "cut_whole": _always(head("application/json", "Content-Length: 999") + completion()),
    "rst_whole": _always(head("application/json", "Content-Length: 999") + completion()),
    "stall_whole": _always(head("application/json", "Content-Length: 999") + completion()),
    # After the first words.
    "rst_later": _always(SSE + WORDS, PAUSE),
    "cut_later": _always(SSE + WORDS, PAUSE),
    "halfclose_later": _always(SSE + WORDS, PAUSE),
    "stall_later": _always(SSE + WORDS, PAUSE),
    "bad_chunk_later": _always(
        head("text/event-stream", "Transfer-Encoding: chunked"),
        f"{len(WORDS):x}\r\n".encode() + WORDS + b"\r\n",
        PAUSE,
        b"zzz\r\n",
    ),
    "garbage_later": _always(SSE + WORDS, PAUSE, b"data: {broken\n\n"),
    "wrong_shape_later": _always(SSE + WORDS, PAUSE, _data({"choices": [5]})),
    "binary_later": _always(SSE + WORDS, PAUSE, b"data: \xff\xfe\n\n"),
    "no_newline_later": _endless([SSE + WORDS, PAUSE], MEBIBYTE),
    "endless_later": _endless([SSE + WORDS, PAUSE], _BIG),
    # Unusual, but an answer.
    "twice": lambda asked: [b"".join([*_good(asked), *_good(asked, "smuggled")])],
    "again": lambda asked: [*_good(asked), PAUSE, *_good(asked, "smuggled")],
    "slow": _always(SSE, b": wait\n\n", PAUSE, event({"content": TEXT}), GOOD_END),
    "split_utf8": _split,
    "crlf": _always(SSE + (event({"content": TEXT}) + GOOD_END).replace(b"\n", b"\r\n")),
    "no_usage": _always(SSE + event({"content": TEXT}) + event({}, "stop") + b"data: [DONE]\n\n"),
    "stall_after_done": _always(SSE + event({"content": TEXT}) + GOOD_END),
    "endless_after_done": _endless([SSE + event({"content": TEXT}) + GOOD_END], MEBIBYTE),
    "no_done": _always(SSE + event({"content": TEXT}) + event({}, "stop", usage=USAGE)),
}
