"""`lodestar prices diff|update`: a list beside the prices, and what is taken from it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lodestar.cli import output
from lodestar.paths import Home
from tests.cli.conftest import Cli
from tests.cli.price_lists import ListServer, body, price_list
from tests.cli.priced import MINE, lists, old_prices, prices


@pytest.fixture
def mine(home: Home) -> None:
    home.config_file.write_text(MINE)


def test_a_list_is_shown_beside_the_prices_and_changes_nothing(
    cli: Cli, home: Home, tmp_path: Path
) -> None:
    path = lists(tmp_path, **{"gpt-4o": {"input_cost_per_token": 3e-6}, "gpt-4o-mini": None})
    result = cli("prices", "diff", path)
    assert result.rows == [["gpt-4o", "input", "2.5", "3", "+20.0 %", ""]]
    assert "gpt-4o-mini: stays as it is: the list does not have it" in result.err
    assert not home.config_file.exists()
    data = json.loads(cli("prices", "diff", path, "--json").out)["data"]
    (changed,) = [one for one in data if one["verdict"] == "changed"]
    assert changed["differs"] == [{"price": "input", "now": "2.5", "list": "3"}]
    assert cli("prices", "diff").rows == []


def test_an_update_without_a_word_changes_nothing(cli: Cli, home: Home, tmp_path: Path) -> None:
    path = lists(tmp_path, **{"gpt-4o": {"input_cost_per_token": 3e-6}})
    result = cli("prices", "update", path)
    assert result.code == 2
    assert result.rows
    assert result.error[0] == "error: nothing was done"
    assert not home.config_file.exists()
    assert cli("prices", "update").code == 2


def test_a_no_changes_nothing_and_a_yes_takes_what_was_shown(
    cli: Cli, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lists(tmp_path, **{"gpt-4o": {"input_cost_per_token": 3e-6}})
    monkeypatch.setattr(output, "interactive", lambda _: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert cli("prices", "update", path).code == 1
    assert not home.config_file.exists()
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    assert cli("prices", "update", path).code == 0
    found = prices(cli)["gpt-4o"]
    assert (found["price_in"], found["price_cache_read"], found["origin"]) == (
        "3", "1.25", "looked up",
    )  # fmt: skip
    assert found["price_source"].startswith("litellm file ")


def test_an_update_leaves_what_is_yours_or_doubtful_until_it_is_named(
    cli: Cli, tmp_path: Path, mine: None
) -> None:
    models = {
        "gpt-4o-mini": {"input_cost_per_token": 1e-9},
        "claude-opus-4-5-20251101": {"input_cost_per_token": -1},
    }
    path = tmp_path / "prices.json"
    found = json.loads(price_list(**models))
    sonnet = found["claude-sonnet-4-5-20250929"]
    for name in [name for name in sonnet if "above_200k" in name]:
        del sonnet[name]
    path.write_text(json.dumps(found))
    before = prices(cli)
    result = cli("prices", "update", str(path), "--yes")
    assert result.code == 0, result.err
    after = prices(cli)
    for alias in ("gpt-4o-mini", "mine", "claude-sonnet", "claude-opus", "grok-beta"):
        assert after[alias] == before[alias]
    for alias, why in (
        ("mine", "you set it; to take it, name mine"),
        ("gpt-4o-mini", "input 0.15 would be 0.001"),
        ("claude-sonnet", "the list has no price of long prompts any more"),
        ("claude-opus", "its `input_cost_per_token` is no price"),
    ):
        assert f"{alias}: stays as it is: {why}" in result.err
    assert cli("prices", "update", str(path), "gpt-4o-mini", "mine", "--yes").code == 0
    named = prices(cli)
    assert named["gpt-4o-mini"]["price_in"] == "0.001"
    assert (named["mine"]["price_in"], named["mine"]["origin"]) == ("0.4", "looked up")
    assert cli("prices", "update", str(path), "claude-opus", "--yes").code == 1
    assert cli("prices", "update", str(path), "nobody", "--yes").code == 2


def test_a_list_that_is_older_than_the_price_is_not_taken(cli: Cli, tmp_path: Path) -> None:
    path = lists(tmp_path, **{"gpt-4o": {"input_cost_per_token": 3e-6}})
    os.utime(path, (0, 0))
    result = cli("prices", "update", path, "--yes")
    assert "the list is of 1970-01-01, your price of 2026-11-24" in result.err
    assert prices(cli)["gpt-4o"]["price_in"] == "2.5"


def test_the_same_prices_of_a_later_day_are_as_new_as_the_list(
    cli: Cli, home: Home, tmp_path: Path
) -> None:
    home.config_file.write_text(
        MINE.replace("price_out: 2\n", "price_out: 2\n    price_date: '2020-01-01'\n")
    )
    (remedy,) = old_prices()
    assert "lodestar prices set mine --in USD --out USD" in remedy
    mine = {"gpt-4.1-mini": {"input_cost_per_token": 5e-7, "output_cost_per_token": 2e-6}}
    found = json.loads(price_list(**mine))
    del found["gpt-4.1-mini"]["cache_read_input_token_cost"]
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(found))
    result = cli("prices", "update", str(path), "mine", "--yes")
    assert (result.code, result.rows) == (0, [])
    assert "1 price (1 as they are, with their day)" in result.err
    assert old_prices() == []


def test_a_list_comes_from_a_url_and_the_charge_will_say_so(cli: Cli) -> None:
    with ListServer(body(price_list(**{"gpt-4o": {"input_cost_per_token": 3e-6}}))) as server:
        assert cli("prices", "update", server.url, "gpt-4o", "--yes").code == 0
        assert len(server.asked) == 1
    assert prices(cli)["gpt-4o"]["price_source"].startswith("litellm 127.0.0.1 ")
