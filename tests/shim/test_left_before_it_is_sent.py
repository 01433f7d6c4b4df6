"""A client that leaves before its request is sent, or answered: nobody pays or gets its answer."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lodestar.paths import Home
from lodestar.secrets.key_file import Kept, KeyFile
from tests.fakes.anthropic import Anthropic, text
from tests.fakes.shim_client import wait_for
from tests.shim.routed import Routed, entry

SLOW_S = 1.0


class Echo:
    """Answers with the question, after a while where it begins with `slow`."""

    def __init__(self) -> None:
        echo, self.asked = self, list[str]()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                question = body["messages"][-1]["content"]
                echo.asked.append(question)
                if question.startswith("slow"):
                    time.sleep(SLOW_S)
                answer = json.dumps(_completion(question)).encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def _completion(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
    choices = [{**choice, "finish_reason": "stop"}]
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "choices": choices,
        "usage": usage,
    }


@pytest.fixture
def echo() -> Iterator[Echo]:
    found = Echo()
    yield found
    found.server.shutdown()
    found.server.server_close()


def _leave(shim: Routed, model: str, question: str, after_s: float) -> None:
    """Ask, and hang up without an answer."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": question}]})
    headers = {"Authorization": f"Bearer {shim.token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", shim.port)
    connection.request("POST", "/v1/chat/completions", body, headers)
    time.sleep(after_s)
    connection.close()


def _says(shim: Routed, model: str, question: str) -> str:
    status, _, body = shim.chat(model, messages=[{"role": "user", "content": question}])
    assert status == 200, body
    return str(json.loads(body)["choices"][0]["message"]["content"])


def test_an_answer_nobody_waited_for_is_not_given_to_the_next(tmp_path: Path, echo: Echo) -> None:
    with Routed(tmp_path, {"free": entry(echo.url)}, routing={"retries": 0}) as shim:
        assert _says(shim, "free", "warm") == "warm"
        _leave(shim, "free", "slow secret", 0.2)
        wait_for(lambda: "slow secret" in echo.asked)
        assert _says(shim, "free", "another") == "another"
        time.sleep(SLOW_S)
        assert _says(shim, "free", "a third") == "a third"


def test_an_answer_that_came_too_late_is_not_given_to_the_next(tmp_path: Path, echo: Echo) -> None:
    patience = {"first_s": 0.3}
    models = {"free": entry(echo.url)}
    with Routed(tmp_path, models, limits=patience, routing={"retries": 0}) as shim:
        status, _, body = shim.chat("free", messages=[{"role": "user", "content": "slow one"}])
        assert status == 400, body
        assert _says(shim, "free", "another") == "another"


def test_who_leaves_while_the_key_is_looked_up_pays_nothing(tmp_path: Path, echo: Echo) -> None:
    program = tmp_path / "key"
    program.write_text("#!/bin/sh\nsleep 1\necho sk-a-key-of-some-length\n", "utf-8")
    program.chmod(0o700)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    account = f"SLOW_KEY@{echo.url.split('/')[2]}"
    KeyFile(Home(home)).set(account, Kept(command=str(program)))
    with Routed(home, {"dear": entry(echo.url, 3, key_env="SLOW_KEY")}) as shim:
        _leave(shim, "dear", "hello", 0.4)
        row = shim.wait_row("SELECT status FROM exchanges WHERE status != 'open'")
        assert row["status"] == "aborted"
        assert [hold["state"] for hold in shim.rows("SELECT state FROM holds")] == ["voided"]
        assert not shim.rows("SELECT * FROM charges")
        assert not echo.asked
        assert _says(shim, "dear", "now") == "now"


def test_who_leaves_while_the_translator_starts_pays_nothing(
    tmp_path: Path, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_TEST_KEY", "sk-ant-planted-0123456789abcdef")
    with Anthropic(text("Hello")) as provider:
        claude = {
            **entry(provider.address, 3, key_env="CLAUDE_TEST_KEY", max_output=2000),
            "provider": "litellm",
            "model": "anthropic/claude-sonnet-4-5-20250929",
        }
        with Routed(tmp_path, {"free": entry(echo.url), "claude": claude}) as shim:
            _leave(shim, "claude", "hello", 0.3)
            shim.wait_row("SELECT 1 FROM exchanges WHERE status != 'open'")
            assert [hold["state"] for hold in shim.rows("SELECT state FROM holds")] == ["voided"]
            assert not shim.rows("SELECT * FROM charges")
            assert shim.chat("claude")[0] == 200
            assert len(provider.requests) == 1, "only the one that somebody waited for"
