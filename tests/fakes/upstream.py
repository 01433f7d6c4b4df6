"""A small OpenAI-compatible server on loopback that does what a test tells it to.

    with Upstream() as up:
        up.script("429", "normal")        # the next two requests; after them, normal
        ...                               # talk to up.url (it ends in /v1)
        up.wait_requests(2)
        assert up.requests[0].headers["Authorization"] == "Bearer sk-test"

It runs in a thread of its own, so that tests with and without a loop can use it. As a
script (`python -m tests.fakes.upstream [PORT]`) it prints its URL and serves until stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    behaviour: str
    received: float = field(default_factory=time.monotonic)


class Upstream:
    """A scripted server. Behaviours of a chat request:

    normal     an answer (stream or JSON, as asked) with usage; `stream_options` is honoured
    usage      as normal, but a stream always ends with usage
    no_usage   an answer that never reports usage
    bad_usage  usage that is nonsense (negative, text)
    401 429 500 503 ...  that status with OpenAI's error envelope (429 with Retry-After: 1)
    reset      half a stream, then a TCP reset
    cut        half a stream, then a clean end without finish_reason and [DONE]
    refuse     a TCP reset before any answer
    length     an answer with finish_reason length
    hold       the first words, then silence until `release()`
    hang       silence until `release()`, then normal
    slow       as normal, 50 ms between the words
    html       status 200 and a web page
    garbage    an event stream of broken JSON
    redirect   307 to another host
    sse_error  an error event inside the stream
    """

    def __init__(self, port: int = 0, text: str = "Hello from the fake upstream.") -> None:
        self.port = port
        self.text = text
        self.usage: Mapping[str, Any] = USAGE
        self.models = ["fake-model"]
        self.requests: list[Recorded] = []
        self.hangups = 0
        self._script: deque[str] = deque()
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake-upstream", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._released = asyncio.Event()
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """The base URL, /v1 included."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def chats(self) -> list[Recorded]:
        """The chat requests among the recorded ones."""
        return [r for r in self.requests if r.path.endswith("/chat/completions")]

    def __enter__(self) -> Upstream:
        self._thread.start()
        if not self._ready.wait(10) or self._failure:
            raise RuntimeError("the fake upstream did not start") from self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._released.set)
        self._call(self._stop.set)
        self._thread.join(10)

    def script(self, *behaviours: str) -> None:
        """Say how the next requests are answered, one behaviour each; replaces what was left."""
        self._script = deque(behaviours)
        self._call(self._released.clear)

    def release(self) -> None:
        """Let held and hanging answers go on."""
        self._call(self._released.set)

    def clear(self) -> None:
        """Forget the recorded requests and the rest of the script."""
        self.script()
        self.requests.clear()
        self.hangups = 0

    def wait(self, condition: Callable[[], bool], timeout: float = 10) -> None:
        """Wait until `condition` holds, looked at after each request and hang-up."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"waited {timeout} s; {len(self.requests)} requests so far")

    def wait_requests(self, count: int, timeout: float = 10) -> None:
        """Wait until `count` chat requests have arrived."""
        self.wait(lambda: len(self.chats) >= count, timeout)

    def _call(self, action: Callable[[], object]) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        chat = request.path.endswith("/chat/completions")
        behaviour = self._script.popleft() if chat and self._script else "normal"
        try:
            body: Any = json.loads(await request.read() or b"null")
        except ValueError:
            body = None
        self._note(request, body, behaviour)
        if not chat:
            return web.json_response({"data": [{"id": m, "object": "model"} for m in self.models]})
        try:
            return await self._answer(request, body or {}, behaviour)
        except (asyncio.CancelledError, ConnectionError):
            self._hangup()
            raise

    def _note(self, request: web.Request, body: Any, behaviour: str) -> None:
        with self._changed:
            headers = request.headers.copy()
            self.requests.append(Recorded(request.method, request.path, headers, body, behaviour))
            self._changed.notify_all()

    def _hangup(self) -> None:
        with self._changed:
            self.hangups += 1
            self._changed.notify_all()

    async def _answer(self, request: web.Request, body: Any, behaviour: str) -> web.StreamResponse:
        if behaviour == "hang":
            await self._released.wait()
        if behaviour.isdigit():
            return _error(int(behaviour))
        if behaviour == "refuse":
            _reset(request)
            return web.Response()
        if behaviour == "html":
            return web.Response(text="<html>sign in</html>", content_type="text/html")
        if behaviour == "redirect":
            return web.Response(status=307, headers={"Location": "http://127.0.0.2:9/v1"})
        if body.get("stream"):
            return await self._stream(request, body, behaviour)
        return web.json_response(self._completion(behaviour))

    def _completion(self, behaviour: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.text}
        choice = {"index": 0, "message": message, "finish_reason": _finish(behaviour)}
        answer = {**_envelope("chat.completion"), "choices": [choice]}
        return answer if behaviour == "no_usage" else {**answer, "usage": self._usage(behaviour)}

    def _usage(self, behaviour: str) -> Mapping[str, Any]:
        if behaviour == "bad_usage":
            return {"prompt_tokens": -5, "completion_tokens": "many", "total_tokens": None}
        return self.usage

    async def _stream(self, request: web.Request, body: Any, behaviour: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if behaviour == "garbage":
            await response.write(b"data: {broken\n\ndata: [DONE]\n\n")
            return response
        await response.write(_chunk({"role": "assistant", "content": ""}))
        if not await self._words(response, behaviour):
            if behaviour == "reset":
                _reset(request)
            return response
        await response.write(_chunk({}, _finish(behaviour)))
        asked = (body.get("stream_options") or {}).get("include_usage")
        if behaviour != "no_usage" and (asked or behaviour in {"usage", "bad_usage"}):
            await response.write(_usage_chunk(self._usage(behaviour)))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _words(self, response: web.StreamResponse, behaviour: str) -> bool:
        """Send the text word by word; False where the stream is to break here."""
        words = self.text.split(" ")
        for number, word in enumerate(words):
            await response.write(_chunk({"content": word if number == 0 else f" {word}"}))
            if behaviour == "hold" and number == 0:
                await self._released.wait()
            if behaviour == "slow":
                await asyncio.sleep(0.05)
            if behaviour == "sse_error":
                await response.write(b'data: {"error": {"message": "overloaded"}}\n\n')
            if behaviour in {"reset", "cut", "sse_error"} and number >= len(words) // 2:
                return False
        return True


def _finish(behaviour: str) -> str:
    return "length" if behaviour == "length" else "stop"


def _envelope(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-fake", "object": kind, "created": 1, "model": "fake-model-2026"}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _event({**_envelope("chat.completion.chunk"), "choices": [choice]})


def _usage_chunk(usage: Mapping[str, Any]) -> bytes:
    return _event({**_envelope("chat.completion.chunk"), "choices": [], "usage": usage})


def _event(data: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _error(status: int) -> web.Response:
    body = {"error": {"message": f"scripted {status}", "type": "scripted", "code": str(status)}}
    headers = {"Retry-After": "1"} if status == 429 else {}
    return web.json_response(body, status=status, headers=headers)


def _reset(request: web.Request) -> None:
    """Close the connection with a TCP reset instead of an orderly end."""
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def _main(arguments: list[str]) -> None:
    with Upstream(int(arguments[0]) if arguments else 0) as upstream:
        print(upstream.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    _main(sys.argv[1:])
