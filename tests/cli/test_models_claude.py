"""Claude, from the command line: its key and itself, tested through the translator."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

import pexpect
import pytest

from lodestar.paths import Home
from tests.cli.conftest import Cli
from tests.e2e.conftest import LODESTAR
from tests.fakes.anthropic import Anthropic, failure
from tests.fakes.wire import Got, head

KEY = "sk-ant-planted-0123456789"
USAGE = {"input_tokens": 20, "output_tokens": 4}
NANO = 20 * 3000 + 4 * 15_000


class Provider(Anthropic):
    """Knows one key; its list of models is for those who have it."""

    def message(self, got: Got) -> Iterable[bytes]:
        """An answer to who has the key."""
        if got.headers.get("x-api-key") != KEY:
            return failure(401, "authentication_error", "invalid x-api-key")
        if got.path.startswith("/v1/models"):
            return [head("application/json"), b'{"data": []}']
        return super().message(got)


@pytest.fixture
def claude(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("CLAUDE_TEST_KEY", KEY)
    with Provider() as provider:
        provider.usage = USAGE
        entry = {
            "provider": "litellm",
            "model": "anthropic/claude-sonnet-4-5-20250929",
            "api_base": provider.address,
            "key_env": "CLAUDE_TEST_KEY",
            **{"price_in": 3, "price_out": 15, "price_cache_read": 0.3, "price_cache_write": 3.75},
            "tier": 4,
        }
        home.config_file.write_text(json.dumps({"models": {"claude-sonnet": entry}}))
        yield provider


def charged(home: Home) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(home.database)) as database:
        return database.execute("SELECT cash_nano, usage_source FROM charges").fetchall()


def test_with_the_word_it_is_asked_and_its_cost_is_said(
    program: Cli, home: Home, claude: Provider
) -> None:
    result = program("models", "test", "claude-sonnet", "--paid", "--json")
    assert result.code == 0, result.err
    (test,) = json.loads(result.out)["data"]
    assert test["reachable"]
    assert float(test["cost_usd"]) == pytest.approx(NANO / 1e9)
    (asked,) = claude.requests
    assert (asked.path, asked.headers["x-api-key"]) == ("/v1/messages", KEY)
    assert asked.body["max_tokens"] == 64
    assert charged(home) == [(NANO, "provider")]
    assert KEY not in result.out + result.err


def test_on_a_terminal_it_is_asked_after_a_yes(
    home: Home, claude: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LODESTAR_NO_INPUT")
    command = ["models", "test", "claude-sonnet"]
    child = pexpect.spawn(str(LODESTAR), command, timeout=60, encoding="utf-8")
    child.expect(r"claude-sonnet: one small request each may cost \$0\.\d+ together")
    assert claude.requests == []
    child.sendline("y")
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, len(claude.requests)) == (0, 1)
    assert charged(home) == [(NANO, "provider")]


@pytest.mark.parametrize(("key", "result", "code"), [(KEY, "ok", 0), ("wrong", "refused", 4)])
def test_its_key_is_tested_for_nothing(
    cli: Cli, claude: Provider, monkeypatch: pytest.MonkeyPatch, key: str, result: str, code: int
) -> None:
    monkeypatch.setenv("CLAUDE_TEST_KEY", key)
    done = cli("keys", "test", "claude-sonnet")
    assert (done.rows[0][0], done.rows[0][3], done.code) == ("claude-sonnet", result, code)
    assert {(got.method, got.path) for got in claude.requests} == {("GET", "/v1/models?limit=1")}
    assert key not in done.out + done.err
