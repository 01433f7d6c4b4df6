"""`lodestar prices list|show|set|undo`: whose a price is, and changes that can be taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from lodestar.paths import Home
from lodestar.prices.listing import price_file
from tests.cli.conftest import Cli
from tests.cli.priced import MINE, lists, old_prices, prices, written


@pytest.fixture
def mine(home: Home) -> None:
    home.config_file.write_text(MINE)


def test_the_list_says_what_each_paid_model_costs_and_whose_price_that_is(
    cli: Cli, home: Home, mine: None
) -> None:
    assert cli("prices", "set", "gpt-4o", "--out", "11").code == 0
    result = cli("prices")
    names = result.out.splitlines()[0].split("\t")
    rows = {row[0]: dict(zip(names, row, strict=True)) for row in result.rows}
    assert "demo" not in rows
    file = price_file()
    assert file
    sonnet = rows["claude-sonnet"]
    assert (sonnet["input"], sonnet["output"], sonnet["cache write"]) == ("3", "15", "3.75")
    assert (sonnet["long prompt above"], sonnet["long input"]) == ("200000", "6")
    assert (sonnet["origin"], sonnet["place"]) == ("built in", "built in")
    assert sonnet["source"] == file.source
    assert (rows["gpt-4o"]["origin"], rows["gpt-4o"]["output"]) == ("yours", "11")
    assert rows["gpt-4o"]["place"].startswith(f"{home.config_file}:")
    assert (rows["mine"]["origin"], rows["mine"]["place"]) == ("yours", f"{home.config_file}:7")
    assert f"bundled list: {file.source}" in result.err
    data = json.loads(cli("prices", "--json").out)
    assert data["schema"] == "lodestar.prices/1"
    assert data["bundled"]["sha256"] == file.sha256
    assert data["bundled"]["date"] == "2026-11-24"
    for one in data["data"]:
        assert rows[one["alias"]]["input"] == f"{float(one['price_in']):g}"


def test_show_says_every_part_and_what_the_bundled_list_has(cli: Cli) -> None:
    assert cli("prices", "set", "claude-sonnet", "--in", "2").code == 0
    shown = dict(cli("prices", "show", "claude-sonnet").rows)
    assert (shown["input"], shown["origin"]) == ("2", "yours")
    assert "input 3, output 15" in shown["bundled list"]
    assert dict(cli("prices", "show", "demo").rows)["price"] == "nothing (local)"
    assert cli("prices", "show", "sonet").code == 2


def test_a_price_that_is_set_is_in_force_and_the_rest_of_the_file_stays(
    cli: Cli, home: Home, mine: None
) -> None:
    assert cli("prices", "set", "mine", "--in", "$0.3", "--out", "1.2").code == 0
    result = cli("prices", "set", "gpt-4o", "--in", "2", "--out", "8", "--cache-read", "1")
    assert result.code == 0, result.err
    text = home.config_file.read_text()
    for line in ("# my models", "mine:  # the fast one", "price_in: 0.3  # they told me so",
                 "timezone: Europe/Berlin  # home"):  # fmt: skip
        assert line in text
    found = prices(cli)
    assert (found["mine"]["price_in"], found["mine"]["price_out"]) == ("0.3", "1.2")
    assert written(home)["prices"]["gpt-4o"] == {
        "model": "gpt-4o",
        "price_in": 2,
        "price_out": 8,
        "price_cache_read": 1,
        "price_date": found["gpt-4o"]["price_date"],
    }
    assert cli("prices", "set", "gpt-4o", "--built-in").code == 0
    assert prices(cli)["gpt-4o"]["origin"] == "built in"
    assert "prices" not in written(home)
    assert cli("prices", "set", "mine", "--built-in").code == 2


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("gpt-4o",), "nothing to change"),
        (("gpt-4o", "--in", "2", "--built-in"), "the built-in price, or yours?"),
        (("gpt-4o", "--in", "cheap"), "--in cheap is not a number"),
        (("gpt-4o", "--in", "nan"), "`price_in` is no price"),
        (("gpt-4o", "--out", "-1"), "`price_out` is no price"),
        (("gpt-4o", "--out", "0"), "`price_out` is no price"),
        (("gpt-4o", "--in", "0.0000025"), "`price_in` is no price"),
        (("gpt-4o", "--in", "200000"), "`price_in` is no price"),
        (("gpt-4o", "--in", "0.025"), "nothing was done"),
        (("gpt-4o", "--long-in", "5"), "--long-in and --long-out have no meaning"),
        (("demo", "--in", "1"), "`demo` costs nothing, so it has no price"),
        (("auto", "--in", "1"), "`auto` is no model of its own"),
        (("gpt4o", "--in", "1"), "there is no model called `gpt4o`"),
    ],
)
def test_a_price_that_cannot_be_meant_is_refused_and_nothing_is_written(
    cli: Cli, home: Home, mine: None, arguments: tuple[str, ...], what: str
) -> None:
    result = cli("prices", "set", *arguments)
    assert result.code == 2
    assert what in result.error[0]
    assert home.config_file.read_text() == MINE


def test_a_change_tenfold_is_asked_about_and_taken_with_yes(cli: Cli) -> None:
    assert cli("prices", "set", "gpt-4o", "--in", "0.25").code == 2
    assert cli("prices", "set", "gpt-4o", "--in", "0.25", "--yes").code == 0
    assert prices(cli)["gpt-4o"]["price_in"] == "0.25"


def test_changes_are_taken_back_one_after_another(
    cli: Cli, home: Home, tmp_path: Path, mine: None
) -> None:
    before = prices(cli)
    assert cli("prices", "set", "mine", "--in", "0.6").code == 0
    path = lists(tmp_path, **{"gpt-4o": {"input_cost_per_token": 3e-6}})
    assert cli("prices", "update", path, "mine", "gpt-4o", "--yes").code == 0
    both = prices(cli)
    assert (both["mine"]["price_in"], both["gpt-4o"]["price_in"]) == ("0.4", "3")
    assert cli("prices", "undo").code == 0
    assert prices(cli)["mine"]["price_in"] == "0.6"
    assert cli("prices", "undo").code == 0
    assert prices(cli) == before
    assert written(home) == yaml.safe_load(MINE)
    assert cli("prices", "undo").error[0] == "error: no change of prices is left to undo"


def test_a_later_change_of_the_same_price_is_not_undone_with_an_earlier_one(
    cli: Cli, home: Home
) -> None:
    assert cli("prices", "set", "gpt-4o", "--in", "3").code == 0
    text = home.config_file.read_text().replace("price_in: 3", "price_in: 3.5")
    home.config_file.write_text(text)
    result = cli("prices", "undo")
    assert result.code == 2
    assert "has been changed since" in result.error[0]
    assert home.config_file.read_text() == text


@pytest.mark.parametrize("text", ["{", "{}", '["a"]', "[3]", '[{"what": 1}]'])
def test_a_damaged_record_of_changes_stops_a_change_before_it_is_made(
    cli: Cli, home: Home, text: str
) -> None:
    (home.root / "price-changes.json").write_text(text)
    if text == "{}":
        assert cli("prices", "undo").code == 2
        return
    assert cli("prices", "undo").code == 1
    assert cli("prices", "set", "gpt-4o", "--in", "3").code == 1
    assert not home.config_file.exists()


def test_an_entry_on_one_line_is_priced_too(cli: Cli, home: Home) -> None:
    entry = ("provider: openai, model: m, api_base: 'https://x.example/v1', price_in: 1, "
             "price_out: 2, price_cache_read: 0.5, price_source: litellm x")  # fmt: skip
    home.config_file.write_text(f"models:\n  mine: {{{entry}}}\n")
    result = cli("prices", "set", "mine", "--in", "3")
    assert result.code == 0, result.err
    found = prices(cli)["mine"]
    assert (found["price_in"], found["price_out"], found["price_cache_read"]) == ("3", "2", None)
    assert found["price_source"] is None


def test_an_alias_that_becomes_yours_keeps_your_price_in_one_place(cli: Cli, home: Home) -> None:
    assert cli("prices", "set", "gpt-4o", "--in", "3").code == 0
    assert cli("models", "edit", "gpt-4o", "--max-output", "9000").code == 0
    assert written(home)["models"]["gpt-4o"]["price_in"] == 3.0
    assert "prices" not in written(home)
    assert prices(cli)["gpt-4o"]["price_in"] == "3"
    assert cli("prices", "undo").code == 2


def test_a_price_of_a_model_that_the_alias_no_longer_stands_for_is_said(
    cli: Cli, home: Home
) -> None:
    home.config_file.write_text("prices:\n  gpt-4o: {model: gpt-4, price_in: 9, price_out: 9}\n")
    assert prices(cli)["gpt-4o"]["price_in"] == "2.5"
    assert "prices.gpt-4o in config.yaml is of another model" in cli("prices").err
    assert old_prices() == ["lodestar prices set gpt-4o --built-in, or --in USD --out USD"]
    assert cli("prices", "set", "gpt-4o", "--built-in").code == 0
    assert yaml.safe_load(home.config_file.read_text()) is None


def test_a_file_that_is_all_in_braces_is_left_for_its_owner(cli: Cli, home: Home) -> None:
    text = '{"models": {"mine": {"provider": "openai", "model": "m", "api_base": "https://x/v1"}}}'
    home.config_file.write_text(text)
    result = cli("prices", "set", "mine", "--in", "1", "--out", "2")
    assert result.code == 2
    assert "cannot be changed safely" in result.error[0]
    assert home.config_file.read_text() == text


def test_a_model_that_the_list_says_is_free_gets_no_price_by_itself(
    cli: Cli, home: Home, tmp_path: Path
) -> None:
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\necho \'{"settings": {}, "metadata": {}}\'\n')
    fake.chmod(0o755)
    home.config_file.write_text(f"aider:\n  python: {fake}\n")
    model = "openrouter/meta-llama/llama-3-8b-instruct:free"
    result = cli("models", "add", "gift", "--provider", "litellm", "--model", model)
    assert result.code == 0, result.err
    assert "price_in" not in written(home)["models"]["gift"]
    assert "costs nothing" in result.err
