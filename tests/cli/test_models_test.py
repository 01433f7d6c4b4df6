"""`lodestar models test`: real requests through a real shim, and none that costs money unasked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pexpect
import pytest
import yaml

from lodestar.paths import Home
from tests.cli.conftest import Cli, Result
from tests.e2e.conftest import LODESTAR
from tests.fakes.ollama import Model, Ollama
from tests.fakes.upstream import Upstream

CODER, LLAMA = "deepseek-coder:6.7b", "llama3.1:8b"


@pytest.fixture
def paid(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """A provider that takes money."""
    monkeypatch.setenv("PAID_KEY", "sk-test-0123456789")
    with Upstream(text="one two three four") as server:
        yield server


@pytest.fixture
def ollama(home: Home, paid: Upstream) -> Iterator[Ollama]:
    with Ollama({CODER: Model(), LLAMA: Model()}, text="one two three") as server:
        entry = {
            "provider": "openai",
            "model": "m-1",
            "api_base": paid.url,
            "key_env": "PAID_KEY",
            "price_in": 3,
            "price_out": 15,
            "tier": 3,
        }
        config = {"ollama": {"url": server.url}, "models": {"big": entry}}
        home.config_file.write_text(yaml.safe_dump(config))
        yield server


def found(result: Result) -> dict[str, dict[str, Any]]:
    return {test["alias"]: test for test in json.loads(result.out)["data"]}


def test_free_models_are_tried_and_their_times_and_speed_are_said(
    program: Cli, ollama: Ollama, paid: Upstream
) -> None:
    result = program("models", "test", "--json")
    assert result.code == 0, result.err
    tests = found(result)
    assert set(tests) == {"demo", "gpt-3.5-turbo", "local-coder", "local-llama"}
    assert all(test["reachable"] for test in tests.values())
    coder = tests["local-coder"]
    assert coder["where"] == f"ollama {ollama.url}"
    assert coder["first_token_s"] > 0
    assert coder["tokens_per_s"] > 0
    assert (coder["tokens_out"], coder["cost_usd"]) == (3, "0")
    assert [chat.body["model"] for chat in ollama.chats] == [CODER, CODER, LLAMA]
    assert paid.requests == []


def test_the_whole_path_is_used_and_nothing_is_left(
    program: Cli, home: Home, ollama: Ollama
) -> None:
    result = program("models", "test", "local-llama")
    assert result.code == 0, result.err
    heading, row = (line.split("\t") for line in result.out.splitlines())
    assert heading == ["alias", "where", "reachable", "first token", "tokens/s", "cost", "why"]
    assert row[:3] == ["local-llama", f"ollama {ollama.url}", "yes"]
    assert row[5:] == ["free", ""]
    with closing(sqlite3.connect(home.database)) as database:
        rows = database.execute(
            "SELECT e.requested_alias, e.status, s.end_reason FROM exchanges e"
            " JOIN sessions s ON s.id = e.session_id"
        ).fetchall()
    assert rows == [("local-llama", "ok", "stopped")]
    assert [path for path in (home.root / "run").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("arguments", [("big",), ("--all",)])
def test_nothing_that_costs_money_is_sent_without_a_word(
    program: Cli, ollama: Ollama, paid: Upstream, arguments: tuple[str, ...]
) -> None:
    result = program("models", "test", *arguments)
    assert paid.requests == []
    if arguments == ("big",):
        assert result.code == 2
        assert result.error[1] == (
            "why:   `big` costs money ($0.0016 at most), and nobody can be asked"
        )
        assert result.error[2] == "do:    add --paid"
    else:
        assert result.code == 0
        row = next(row for row in result.rows if row[0] == "big")
        assert (row[2], row[6]) == ("-", "not tried: it costs money; say --paid")
        assert len(ollama.chats) == 3


def test_with_the_word_a_paid_model_is_tried_and_its_cost_is_said(
    program: Cli, home: Home, ollama: Ollama, paid: Upstream
) -> None:
    assert ollama.url
    result = program("models", "test", "big", "--paid", "--json")
    assert result.code == 0, result.err
    test = found(result)["big"]
    assert test["reachable"]
    # 11 tokens in and 7 out, by the provider's own count.
    assert float(test["cost_usd"]) == pytest.approx((11 * 3 + 7 * 15) / 1e6)
    (chat,) = paid.chats
    assert chat.body["max_tokens"] == 64
    assert chat.headers["Authorization"] == "Bearer sk-test-0123456789"
    with closing(sqlite3.connect(home.database)) as database:
        charged = database.execute("SELECT cash_nano FROM charges").fetchall()
    assert charged == [(11 * 3000 + 7 * 15000,)]


@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_the_cost_is_said_and_asked_about_first(
    ollama: Ollama, paid: Upstream, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    assert ollama.url
    monkeypatch.delenv("LODESTAR_NO_INPUT")
    child = pexpect.spawn(str(LODESTAR), ["models", "test", "big"], timeout=60, encoding="utf-8")
    child.expect(r"big: one small request each may cost \$0\.0016 together\. Send them\?")
    assert paid.requests == []
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, len(paid.chats)) == ((0, 1) if answer == "y" else (1, 0))


def test_what_does_not_answer_says_why_in_words(
    program: Cli, ollama: Ollama, paid: Upstream
) -> None:
    del ollama.models[LLAMA]
    paid.script(*["401"] * 9)
    result = program("models", "test", "--all", "--paid", "--json")
    tests = found(result)
    assert result.code == 0
    assert tests["local-llama"]["where"] == "embedded engine"
    assert not tests["big"]["reachable"]
    assert "its server refused the key" in tests["big"]["why"]
    assert "there is no key for `gpt-4o`" in tests["gpt-4o"]["why"]


def test_a_paid_fallback_of_a_free_model_is_not_asked(
    program: Cli, home: Home, ollama: Ollama, paid: Upstream
) -> None:
    config = yaml.safe_load(home.config_file.read_text())
    free = {"provider": "ollama", "model": CODER, "billing": "local", "fallbacks": ["big"]}
    config["models"]["mine"] = free
    home.config_file.write_text(yaml.safe_dump(config))
    ollama.models.clear()
    for more in ((), ("--paid",)):
        result = program("models", "test", "mine", "--json", *more)
        assert result.code == 5
        assert f"ollama pull {CODER}" in found(result)["mine"]["why"]
    assert paid.requests == []


def test_exit_code_5_where_none_answers(program: Cli, ollama: Ollama, paid: Upstream) -> None:
    assert ollama.url
    paid.script(*["401"] * 9)
    result = program("models", "test", "big", "--paid")
    assert result.code == 5
    assert result.rows[0][:3] == ["big", result.rows[0][1], "no"]
    assert result.error[0] == "error: no model answered"
    assert "refused the key" in result.error[1]


def test_a_limit_holds_for_a_test_as_well(
    program: Cli, home: Home, ollama: Ollama, paid: Upstream
) -> None:
    assert ollama.url
    config = yaml.safe_load(home.config_file.read_text())
    home.config_file.write_text(yaml.safe_dump({**config, "limits": {"daily_usd": 0}}))
    result = program("models", "test", "big", "--paid", "--json")
    assert result.code == 5
    assert paid.requests == []
    assert "it did not answer; `local-coder` did in its place" in found(result)["big"]["why"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("big", "--all"), "name an alias, or say --all or --free"),
        (("--all", "--free"), "name an alias, or say --all or --free"),
        (("bigg",), "there is no model called `bigg`"),
        (("auto",), "`auto` is no model"),
    ],
)
def test_a_wrong_choice_is_refused(
    cli: Cli, ollama: Ollama, arguments: tuple[str, ...], what: str
) -> None:
    result = cli("models", "test", *arguments)
    assert (result.code, ollama.chats) == (2, [])
    assert what in result.error[0]
