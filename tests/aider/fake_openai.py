"""A small OpenAI server and control channel on loopback, for tests of the Aider launcher."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

# Generous: a start of Aider takes seconds of CPU, and the machine may be busy.
DEADLINE_S = 60.0
NO_ANSWER_LEFT = "There is nothing to change."


@dataclass(frozen=True)
class Chat:
    """One chat request as it came in; header names are lower case."""

    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        """The kind the launcher gave it."""
        return self.headers.get("x-lodestar-kind", "")

    @property
    def model(self) -> str:
        """The model's name without a provider prefix."""
        return str(self.body["model"]).removeprefix("openai/")


@dataclass
class FakeOpenAI:
    """Answers main requests from `answers` in order and all others with `commit_message`.

    With `hold` set, a streamed answer stops after its first piece until the client leaves
    or `hold` is cleared.
    """

    token: str = "session-token-for-tests"
    answers: list[str] = field(default_factory=list)
    commit_message: str = "feat: change the greeting"
    chats: list[Chat] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    unknown_paths: list[str] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    status: list[str] = field(default_factory=list)
    status_of: dict[str, list[str]] = field(default_factory=dict)
    """By the model that a poll names; `status` for all others."""
    news_fails: bool = False
    waits: str = ""
    end: dict[str, str] | None = None
    commands: list[dict[str, Any]] | None = field(default_factory=list)
    """The slash commands that are served; None refuses to say."""
    replies: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """The slash commands that were run."""
    finish: str = "stop"
    """How each streamed answer ends."""
    hold: bool = False
    broken_channel: int = 0
    polls: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> FakeOpenAI:
        fake = self

        class Handler(_Handler):
            server_state = fake

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.change(hold=False)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The address of the fake shim."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def change(self, **values: Any) -> None:
        """Set fields while the server runs."""
        with self.changed:
            for name, value in values.items():
                setattr(self, name, value)
            self.changed.notify_all()

    def add(self, name: str, value: Any) -> None:
        """Append to one of the lists."""
        with self.changed:
            getattr(self, name).append(value)
            self.changed.notify_all()

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Wait until the condition holds; fails with what came in so far."""
        with self.changed:
            found = self.changed.wait_for(condition, DEADLINE_S)
            if not found:
                raise TimeoutError(f"chats {self.kinds()}, events {self.event_types()}")
            return found

    def wait_event(self, kind: str, count: int = 1) -> dict[str, Any]:
        """The count-th event of a type, once it is here."""
        self.wait(lambda: len(self.of_type(kind)) >= count)
        return self.of_type(kind)[count - 1]

    def wait_polls(self, count: int) -> None:
        """Wait until the launcher has asked for news so many times more."""
        goal = self.polls + count
        self.wait(lambda: self.polls >= goal)

    def hang_up(self) -> dict[str, Any]:
        """Fail in the middle of an answer: the client sees a connection that breaks."""
        raise ConnectionAbortedError

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The events of one type, in order."""
        return [event for event in self.events if event["type"] == kind]

    def event_types(self) -> list[str]:
        """The types of all events, in order."""
        return [str(event["type"]) for event in self.events]

    def kinds(self) -> list[str]:
        """The kinds of all chat requests, in order."""
        return [chat.kind for chat in self.chats]

    def next_answer(self, chat: Chat) -> str:
        """The text for a request."""
        with self.changed:
            if not chat.body.get("stream"):
                return self.commit_message
            return self.answers.pop(0) if self.answers else NO_ANSWER_LEFT


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tests end Aider in the middle of requests; that is no noise worth showing."""
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server_state: FakeOpenAI
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test's output is Aider's."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/lodestar/v1/poll":
            self._give_news(parts.query)
        elif parts.path == "/lodestar/v1/commands":
            found = self.server_state.commands
            self._json(503 if found is None else 200, {"commands": found})
        else:
            self._not_found()

    def _give_news(self, query: str) -> None:
        state, asked = self.server_state, parse_qs(query)
        after = int(asked["after"][0])
        state.change(polls=state.polls + 1)
        if state.news_fails:
            return self._json(503, {})
        status = state.status_of.get(asked.get("model", [""])[0], state.status)
        with state.changed:
            news = [notice for notice in state.notices if notice["id"] > after]
            answer = {"notices": news, "end": state.end, "status": status}
            answer |= {"waits": state.waits} if state.waits else {}
        return self._json(200, answer)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/lodestar/v1/events":
            self._take_events(body)
        elif self.path == "/v1/chat/completions":
            self._chat(body)
        elif self.path.startswith("/lodestar/v1/commands/"):
            self._run_command(self.path.rsplit("/", 1)[1], body)
        else:
            self._not_found()

    def _not_found(self) -> None:
        self.server_state.add("unknown_paths", self.path)
        self._json(404, {"error": {"message": "no such path", "type": "not_found"}})

    def _run_command(self, name: str, body: dict[str, Any]) -> None:
        self.server_state.add("asked", (name, body))
        reply = self.server_state.replies[name](body)
        self._json(400 if "error" in reply else 200, reply)

    def _chat(self, body: dict[str, Any]) -> None:
        chat = Chat({name.lower(): value for name, value in self.headers.items()}, body)
        self.server_state.add("chats", chat)
        text = self.server_state.next_answer(chat)
        if body.get("stream"):
            self._stream(text)
        else:
            self._json(200, _completion(text))

    def _take_events(self, body: dict[str, Any]) -> None:
        state = self.server_state
        if self.headers.get("Authorization") != f"Bearer {state.token}":
            self._json(401, {"error": {"message": "wrong token", "type": "auth"}})
        elif state.broken_channel:
            state.change(broken_channel=state.broken_channel - 1)
            self._json(503, {})
        else:
            for event in body["events"]:
                state.add("events", event)
            self.send_response(204)
            self.end_headers()

    def _json(self, code: int, data: dict[str, Any]) -> None:
        text = json.dumps(data).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _stream(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        half = max(1, len(text) // 2)
        self._chunk({"role": "assistant", "content": text[:half]})
        self._wait_while_held()
        self._chunk({"content": text[half:]})
        self._chunk({}, self.server_state.finish)
        self.wfile.write(b"data: [DONE]\n\n")

    def _wait_while_held(self) -> None:
        state, deadline = self.server_state, time.monotonic() + DEADLINE_S
        while state.hold and time.monotonic() < deadline:
            try:
                self.wfile.write(b": wait\n\n")
            except OSError:
                return
            with state.changed:
                state.changed.wait_for(lambda: not state.hold, 0.1)

    def _chunk(self, delta: dict[str, str], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        data = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        try:
            self.wfile.write(f"data: {json.dumps({**data, 'choices': [choice]})}\n\n".encode())
        except OSError:
            # The user interrupted the answer.
            self.close_connection = True


def _completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
