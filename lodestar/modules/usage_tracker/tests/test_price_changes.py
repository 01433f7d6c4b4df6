"""Other prices hold from the next shim on; what was charged stays as it was charged.

Each amount is computed here a second time, from the prices as text and the provider's counts.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from lodestar import loading
from lodestar.cli.main import run
from lodestar.modules.usage_tracker.audit import audit
from lodestar.modules.usage_tracker.schema import MIGRATIONS
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.fakes import catalogs
from tests.fakes.shim_client import Shim
from tests.fakes.upstream import USAGE, Upstream

PROGRAM = Path(catalogs.__file__)
BUILT_IN = {
    "price_in": 3,
    "price_out": 15,
    "price_source": "litellm 1 abc",
    "price_date": "2026-01-01",
}
EVERY = "SELECT * FROM charges ORDER BY id"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        cached = {"prompt_tokens_details": {"cached_tokens": 4}}
        server.usage = {**USAGE, **cached}
        yield server


@pytest.fixture
def folder(upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built-in catalogue whose paid alias is served by the fake provider."""
    place = tmp_path / "built-in"
    place.mkdir()
    common = {"provider": "openai", "model": "m", "api_base": upstream.url, "max_output": 1000}
    models = {
        "paid": {**common, **BUILT_IN, "tier": 3},
        "local-coder": {**common, "billing": "free"},
    }
    (place / "models.yaml").write_text(yaml.safe_dump(models))
    (place / "default.yaml").write_text("main: local-coder\n")
    monkeypatch.setattr(loading, "builtin_profiles", lambda: place)
    monkeypatch.chdir(tmp_path)
    return place


@pytest.fixture
def ask(folder: Path, isolated_home: Path) -> Callable[..., dict[str, Any]]:
    """One paid request through a real shim that starts now; returns its charge."""

    def call(alias: str = "paid") -> dict[str, Any]:
        isolated_home.mkdir(mode=0o700, exist_ok=True)
        command = [sys.executable, str(PROGRAM), str(folder), "--home", str(isolated_home)]
        with Shim(isolated_home, command=command) as shim:
            before = len(shim.rows(EVERY))
            answered, _, text = shim.chat(alias)
            assert answered == 200, text
            shim.wait_row("SELECT count(*) AS n FROM charges HAVING n > ?", before, timeout=60)
        return charges(isolated_home)[-1]

    return call


def charges(home: Path) -> list[dict[str, Any]]:
    connection = sqlite3.connect(f"file:{home / 'usage.db'}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(EVERY)]
    finally:
        connection.close()


def rollup(home: Path) -> list[Any]:
    connection = sqlite3.connect(f"file:{home / 'usage.db'}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT * FROM rollup").fetchall()
    finally:
        connection.close()


def cash(price_in: str, price_out: str, cache_read: str | None = None) -> int:
    """Nano-dollars of a call: 11 tokens of input, 4 of them cached, and 7 of output."""
    dollars = (
        7 * Decimal(price_in) + 4 * Decimal(cache_read or price_in) + 7 * Decimal(price_out)
    ) / 10**6
    return int(dollars * 10**9)


def sound(home: Path) -> bool:
    with Store.open(home / "usage.db", [CORE, MIGRATIONS]) as store:
        return audit(store).findings == ()


def test_a_price_that_is_set_is_charged_from_then_on_and_nothing_before_it_changes(
    ask: Callable[..., dict[str, Any]], isolated_home: Path
) -> None:
    first = ask()
    assert first["cash_nano"] == cash("3", "15")
    assert (first["price_source"], first["price_date"]) == ("litellm 1 abc", "2026-01-01")
    counted = rollup(isolated_home)
    new = ("--in", "0.3", "--out", "1.2", "--cache-read", "0.03", "--yes")
    assert run(["prices", "set", "paid", *new]) == 0
    # The price alone changes nothing: not a charge, not a sum.
    assert (charges(isolated_home), rollup(isolated_home)) == ([first], counted)
    second = ask()
    assert second["cash_nano"] == cash("0.3", "1.2", "0.03")
    assert (second["price_in_nano"], second["price_out_nano"]) == (300, 1200)
    assert (second["price_source"], second["price_version"]) != (
        first["price_source"], first["price_version"],
    )  # fmt: skip
    assert charges(isolated_home) == [first, second]
    assert run(["prices", "undo"]) == 0
    third = ask()
    assert third["cash_nano"] == first["cash_nano"]
    assert third["price_version"] == first["price_version"]
    assert charges(isolated_home)[:2] == [first, second]
    assert sound(isolated_home)


def test_a_list_is_charged_by_after_an_update_and_named_on_the_charge(
    ask: Callable[..., dict[str, Any]], isolated_home: Path, tmp_path: Path, upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("lodestar.prices.listing.provider_of", lambda _: "openai")
    first = ask()
    path = tmp_path / "prices.json"
    theirs = {"litellm_provider": "openai", "input_cost_per_token": 2.5e-6,
              "output_cost_per_token": 12.345e-6, "cache_read_input_token_cost": 1e-7}  # fmt: skip
    path.write_text(json.dumps({"m": theirs}))
    assert run(["prices", "update", str(path), "--yes"]) == 0
    second = ask()
    assert second["cash_nano"] == cash("2.5", "12.345", "0.1")
    assert second["price_source"].startswith("litellm file ")
    assert charges(isolated_home)[0] == first


def test_a_session_that_runs_keeps_its_prices(folder: Path, isolated_home: Path) -> None:
    isolated_home.mkdir(mode=0o700, exist_ok=True)
    command = [sys.executable, str(PROGRAM), str(folder), "--home", str(isolated_home)]
    with Shim(isolated_home, command=command) as shim:
        assert shim.chat("paid")[0] == 200
        assert run(["prices", "set", "paid", "--in", "4", "--out", "20"]) == 0
        assert shim.chat("paid")[0] == 200
        shim.wait_row("SELECT count(*) AS n FROM charges HAVING n = 2", timeout=60)
    assert [one["cash_nano"] for one in charges(isolated_home)] == [cash("3", "15")] * 2


def test_an_unpriced_model_is_closed_and_opens_with_its_price(
    folder: Path, ask: Callable[..., dict[str, Any]], isolated_home: Path, upstream: Upstream
) -> None:
    isolated_home.mkdir(mode=0o700)
    entry = {"provider": "openai", "model": "new", "api_base": upstream.url, "tier": 3,
             "max_output": 500}  # fmt: skip
    (isolated_home / "config.yaml").write_text(yaml.safe_dump({"models": {"new": entry}}))
    command = [sys.executable, str(PROGRAM), str(folder), "--home", str(isolated_home)]
    with Shim(isolated_home, command=command) as shim:
        status, _, text = shim.chat("new")
        assert status == 400, text
    assert upstream.chats == []
    assert run(["prices", "set", "new", "--in", "1", "--out", "2"]) == 0
    assert ask("new")["cash_nano"] == cash("1", "2")
