"""The user's prices: one place for each alias, of one model, and out of a repository's reach."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lodestar.catalog import Catalog
from lodestar.errors import UsageError
from lodestar.loading import load
from lodestar.paths import builtin_profiles
from lodestar.prices.setting import stated
from lodestar.settings import ModelEntry, OwnPrice, Settings

SONNET = "anthropic/claude-sonnet-4-5-20250929"
OWN = {"model": SONNET, "price_in": 4, "price_out": 16}


def catalog(**settings: Any) -> Catalog:
    return Catalog.load(Settings.model_validate(settings), builtin_profiles())


def test_a_built_in_alias_costs_what_the_user_says_and_is_otherwise_as_it_was() -> None:
    before = catalog().get("claude-sonnet")
    after = catalog(prices={"claude-sonnet": OWN}).get("claude-sonnet")
    assert (after.price_in, after.price_out) == (4, 16)
    # Nothing of the price that it had is left.
    assert (after.price_cache_read, after.price_cache_write, after.long_prompt) == (None,) * 3
    assert (after.price_source, after.price_date) == (None, None)
    same = {"model", "provider", "api_base", "key_env", "tier", "context", "aider", "billing"}
    assert after.model_dump(include=same) == before.model_dump(include=same)


@pytest.mark.parametrize(
    ("alias", "model"),
    [("claude-sonnet", "anthropic/claude-sonnet-5"), ("gone", "m"), ("demo", "demo")],
)
def test_a_price_of_another_model_has_no_effect(alias: str, model: str) -> None:
    priced = catalog(prices={alias: {**OWN, "model": model}})
    assert list(priced) == list(catalog())


def test_a_price_in_two_places_is_refused() -> None:
    mine = {"provider": "openai", "model": "m", "api_base": "https://x.example/v1"}
    with pytest.raises(UsageError, match="the price of `claude-sonnet` is in two places"):
        catalog(models={"claude-sonnet": mine}, prices={"claude-sonnet": OWN})


@pytest.mark.parametrize(
    "wrong",
    [{"price_in": 0}, {"price_out": 0}, {"price_in": -1}, {"price_in": "0.0001"},
     {"price_out": None}, {"price_in": "nan"}, {"price_in": 1e9}, {"cash": 1},
     {"long_prompt": {"above": 1000, "price_in": 1}}],
    ids=str,
)  # fmt: skip
def test_a_price_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        OwnPrice.model_validate({**OWN, **wrong})


@pytest.mark.parametrize("trusted", [False, True])
def test_a_repository_cannot_set_a_price(
    trusted: bool, tmp_path: Path, isolated_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    text = f"prices:\n  claude-sonnet: {{model: {SONNET}, price_in: 0.001, price_out: 0.001}}\n"
    (project / ".lodestar.yaml").write_text(text)
    if trusted:
        from lodestar.trust.pins import Standing

        monkeypatch.setattr(Standing, "trusted", property(lambda self: True))
    context = load(folder=project)
    assert context.catalog.get("claude-sonnet").price_in == 3
    assert any("a repository cannot set it" in line for line in context.warnings)
    assert isolated_home


ENTRY = ModelEntry.model_validate(
    {"provider": "litellm", "model": SONNET, "price_in": 3, "price_out": 15,
     "price_cache_read": 0.3, "price_cache_write": 3.75, "price_source": "litellm 1",
     "long_prompt": {"above": 200_000, "price_in": 6, "price_out": 22.5, "price_cache_read": 0.6}}
)  # fmt: skip


def after(**given: str) -> OwnPrice:
    numbers = {name: Decimal(text) for name, text in given.items()}
    return stated("m", ENTRY, numbers, "2026-12-24")[0]


def test_cached_input_is_never_left_at_the_price_of_another_input() -> None:
    assert after(price_out="14").price_cache_read == Decimal("0.3")
    assert after(price_in="3").price_cache_write == Decimal("3.75")
    changed = after(price_in="2")
    assert (changed.price_cache_read, changed.price_cache_write) == (None, None)
    assert after(price_in="2", price_cache_read="0.2").price_cache_read == Decimal("0.2")


def test_a_long_prompt_is_never_left_at_a_price_that_may_be_too_low() -> None:
    assert after(price_in="2").long_prompt == ENTRY.long_prompt
    assert after(price_out="14").long_prompt == ENTRY.long_prompt
    for dearer in ({"price_in": "3.5"}, {"price_out": "16"}, {"price_in": "4", "long_in": "8"}):
        long = after(**dearer).long_prompt
        assert long
        assert (long.above, long.price_in, long.price_out) == (200_000, None, None)
    given = after(price_in="4", long_in="8", long_out="23").long_prompt
    assert given
    assert (given.price_in, given.price_out, given.price_cache_read) == (8, 23, None)


def test_a_price_that_the_user_states_is_no_longer_the_lists() -> None:
    price = after(price_out="14")
    assert (price.price_source, price.price_date) == (None, "2026-12-24")
