"""`lodestar models add|edit`: prices looked up, entries changed, comments kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lodestar.paths import Home
from lodestar.prices.listing import price_file
from tests.cli.conftest import Cli
from tests.fakes.ollama import Model, Ollama

OPENAI = "https://api.openai.com/v1"


@pytest.fixture(autouse=True)
def python_without_aider(home: Home, tmp_path: Path) -> None:
    """An interpreter that knows no model, so that nothing loads Aider."""
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\necho \'{"settings": {}, "metadata": {}}\'\n')
    fake.chmod(0o755)
    home.config_file.write_text(f"aider:\n  python: {fake}\n")


@pytest.fixture
def ollama(home: Home) -> Iterator[Ollama]:
    with Ollama({"qwen3:32b": Model()}) as server:
        with home.config_file.open("a") as file:
            file.write(f"ollama: {{url: '{server.url}'}}\n")
        yield server


def configured(home: Home) -> dict[str, dict[str, object]]:
    models: dict[str, dict[str, object]] = yaml.safe_load(home.config_file.read_text())["models"]
    return models


def test_prices_and_limits_that_are_not_given_are_looked_up_and_said(cli: Cli, home: Home) -> None:
    result = cli("models", "add", "fast", "--model", "gpt-4.1-mini", "--api-base", OPENAI)
    assert result.code == 0, result.err
    file = price_file()
    assert file
    assert f"by {file.source}: in 0.4, out 1.6, cache_read 0.1" in result.err
    entry = configured(home)["fast"]
    assert entry["price_source"] == file.source
    assert (entry["price_in"], entry["price_out"], entry["price_cache_read"]) == (0.4, 1.6, 0.1)
    assert entry["context"] == 1047576
    assert entry["max_output"] == 16000
    assert entry["tier"] == 3
    assert entry["price_date"]


def test_prices_that_are_given_are_not_looked_up(cli: Cli, home: Home) -> None:
    given = ("--price-in", "0.5", "--price-out", "$2", "--price-cache-read", "0.05")
    cli("models", "add", "fast", "--model", "gpt-4.1-mini", "--api-base", OPENAI, *given)
    entry = configured(home)["fast"]
    assert (entry["price_in"], entry["price_out"], entry["price_cache_read"]) == (0.5, 2.0, 0.05)
    assert "price_source" not in entry


def test_a_model_for_the_translator_is_added_with_fallbacks_and_a_note(
    cli: Cli, home: Home
) -> None:
    model = ("--provider", "litellm", "--model", "anthropic/claude-haiku-4-5-20251001")
    more = ("--fallback", "claude-sonnet", "--fallback", "demo", "--note", "cheap")
    assert cli("models", "add", "haiku", *model, *more).code == 0
    entry = configured(home)["haiku"]
    assert entry["provider"] == "litellm"
    assert "api_base" not in entry
    assert entry["fallbacks"] == ["claude-sonnet", "demo"]
    assert (entry["price_in"], entry["price_out"], entry["price_cache_write"]) == (1, 5, 1.25)
    row = next(row for row in cli("models").rows if row[1] == "haiku")
    assert row[4:6] == ["api.anthropic.com", "1 / 5"]
    assert row[7:] == ["missing", "cheap"]


def test_a_model_of_ollama_is_free_and_needs_no_address(
    cli: Cli, home: Home, ollama: Ollama
) -> None:
    result = cli("models", "add", "big", "--provider", "ollama", "--model", "qwen3:32b")
    assert result.code == 0, result.err
    assert configured(home)["big"] == {
        "provider": "ollama",
        "model": "qwen3:32b",
        "billing": "local",
        "tier": 1,
    }
    assert "ollama pull" not in result.err
    row = next(row for row in cli("models").rows if row[1] == "big")
    assert row[3:7] == ["qwen3:32b", f"ollama {ollama.url}", "local", "4096"]


def test_a_model_that_ollama_lacks_is_added_and_said_to_be_missing(
    cli: Cli, ollama: Ollama
) -> None:
    result = cli("models", "add", "big", "--provider", "ollama", "--model", "phi4")
    assert result.code == 0
    assert f"Ollama at {ollama.url} does not have it yet: ollama pull phi4" in result.err


def test_without_an_ollama_the_setting_for_its_address_is_named(cli: Cli) -> None:
    result = cli("models", "add", "big", "--provider", "ollama", "--model", "phi4")
    assert "set its address in config.yaml: ollama: {url: ...}" in result.err


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (("--provider", "litellm", "--model", "claude"), "`models.x` is not valid"),
        (("--provider", "foo", "--model", "a"), "`--provider foo` is not known"),
        (("--provider", "ollama", "--model", "a", "--fallback", "nobody"), "no model called"),
        (("--provider", "ollama", "--model", "a", "--fallback", "x"), "in a circle"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(
    cli: Cli, home: Home, more: tuple[str, ...], what: str
) -> None:
    before = home.config_file.read_text()
    result = cli("models", "add", "x", *more)
    assert (result.code, home.config_file.read_text()) == (2, before)
    assert what in result.error[0]


def test_auto_is_nobodys_own_name(cli: Cli) -> None:
    result = cli("models", "add", "auto", "--provider", "ollama", "--model", "phi4")
    assert result.error[0] == "error: `auto` is Lodestar's own name"


def test_a_retired_model_is_replaced_in_one_line(cli: Cli, home: Home) -> None:
    result = cli("models", "edit", "grok-beta", "--model", "grok-4")
    assert result.code == 0, result.err
    entry = configured(home)["grok-beta"]
    assert entry["model"] == "grok-4"
    assert entry["api_base"] == "https://api.x.ai/v1"
    assert entry["key_env"] == "XAI_API_KEY"
    assert (entry["price_in"], entry["price_out"]) == (3, 15)
    assert str(entry["price_source"]).startswith("litellm ")
    assert entry["tier"] == 4
    assert "note" not in entry
    assert "lodestar models remove grok-beta" in result.err
    assert cli("models", "remove", "grok-beta").code == 0
    row = next(row for row in cli("models").rows if row[1] == "grok-beta")
    assert row[3] == "grok-4.3"


def test_a_built_in_alias_keeps_what_is_not_named(cli: Cli, home: Home) -> None:
    assert cli("models", "edit", "claude-sonnet", "--max-output", "32000", "--tier", "3").code == 0
    builtin = {**configured(home)["claude-sonnet"]}
    assert (builtin.pop("max_output"), builtin.pop("tier")) == (32000, 3)
    assert builtin["price_cache_write"] == 3.75
    assert str(builtin["price_source"]).startswith("litellm ")
    assert builtin["aider"] == {
        "edit_format": "diff",
        "use_repo_map": True,
        "cache_control": True,
        "editor_edit_format": "editor-diff",
    }


def test_the_users_own_entry_changes_and_its_comments_stay(cli: Cli, home: Home) -> None:
    with home.config_file.open("a") as file:
        file.write(
            "# my models\n"
            "models:\n"
            "  mine:  # the fast one\n"
            "    provider: openai\n"
            "    model: m-1  # since May\n"
            "    api_base: http://127.0.0.1:9/v1\n"
            "    # they told me so\n"
            "    price_in: 1\n"
            "    price_out: 2\n"
            "    fallbacks: [demo]\n"
            "timezone: Europe/Berlin\n"
        )
    before = home.config_file.read_text()
    result = cli("models", "edit", "mine", "--price-out", "4", "--note", "new", "--no-fallback")
    assert result.code == 0, result.err
    text = home.config_file.read_text()
    for line in ("# my models", "mine:  # the fast one", "m-1  # since May", "# they told me so"):
        assert line in text
    entry = configured(home)["mine"]
    assert (entry["price_in"], entry["price_out"], entry["note"]) == (1, 4.0, "new")
    assert "fallbacks" not in entry
    assert entry["price_date"]
    gone = {line for line in before.splitlines() if line not in text.splitlines()}
    assert gone == {"    price_out: 2", "    fallbacks: [demo]"}


def test_a_local_model_becomes_a_paid_one_and_free_again(
    cli: Cli, home: Home, ollama: Ollama
) -> None:
    assert ollama.url
    paid = ("--provider", "openai", "--api-base", OPENAI, "--model", "gpt-4.1-mini")
    assert cli("models", "edit", "local-llama", *paid).code == 0
    entry = configured(home)["local-llama"]
    assert (entry["billing"], entry["price_in"], entry["tier"]) == ("payg", 0.4, 3)
    back = ("--provider", "ollama", "--model", "qwen3:32b")
    assert cli("models", "edit", "local-llama", *back).code == 0
    entry = configured(home)["local-llama"]
    assert entry == {
        "provider": "ollama",
        "model": "qwen3:32b",
        "billing": "local",
        "tier": 1,
    }


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("grok-beta",), "nothing to change"),
        (("grok-bet", "--tier", "2"), "there is no model called `grok-bet`"),
        (("grok-beta", "--tier", "9"), "`models.grok-beta.tier` is not valid"),
        (("grok-beta", "--key-env", "sk-123"), "takes the name of an environment variable"),
        (("grok-beta", "--price-in", "cheap"), "is not a number"),
        (("grok-beta", "--fallback", "grok-beta"), "in a circle"),
    ],
)
def test_a_wrong_change_is_refused_and_nothing_is_written(
    cli: Cli, home: Home, arguments: tuple[str, ...], what: str
) -> None:
    before = home.config_file.read_text()
    result = cli("models", "edit", *arguments)
    assert (result.code, home.config_file.read_text()) == (2, before)
    assert what in result.error[0]


def test_a_model_whose_long_prompts_cost_more_is_added_with_those_prices(
    cli: Cli, home: Home
) -> None:
    where = ("--provider", "litellm", "--model", "anthropic/claude-sonnet-4-5-20250929")
    assert cli("models", "add", "mine", *where).code == 0
    long = {"price_in": 6, "price_out": 22.5, "price_cache_read": 0.6, "price_cache_write": 7.5}
    assert configured(home)["mine"]["long_prompt"] == {"above": 200_000, **long}
    assert cli("models", "edit", "mine", "--price-in", "4").code == 0
    assert configured(home)["mine"]["long_prompt"]["price_in"] == 6
    assert cli("models", "edit", "grok-beta", "--note", "x").code == 0
    assert configured(home)["grok-beta"]["long_prompt"]["price_out"] == 5
    assert cli("models", "edit", "mine", "--free").code == 0
    assert "long_prompt" not in configured(home)["mine"]


@pytest.mark.parametrize(
    ("command", "typed", "do"),
    [
        (("add", "x", "--model", "m"), "olama", "did you mean `ollama`?"),
        (("edit", "demo"), "Lite-LLM", "did you mean `litellm`?"),
        (("add", "x", "--model", "m"), "acme", "--provider litellm --model acme/..."),
    ],
)
def test_an_unknown_provider_is_answered_with_the_nearest(
    cli: Cli, command: tuple[str, ...], typed: str, do: str
) -> None:
    done = cli("models", *command, "--provider", typed)
    assert done.code == 2
    assert done.error[0] == f"error: `--provider {typed}` is not known"
    assert done.error[1] == "why:   it is one of: engine, openai, ollama, litellm"
    assert do in done.error[2]
    assert len(done.error) == 3
