"""The catalogue knows every alias, and names the nearest where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lodestar.catalog import WEAK, Catalog
from lodestar.errors import UsageError
from lodestar.paths import builtin_profiles
from lodestar.settings import ModelEntry, Settings

MINE = ModelEntry(
    provider="openai", model="big", api_base="https://api.example.org/v1", tier=4, key_env="K"
)


@pytest.fixture
def catalog() -> Catalog:
    settings = Settings(models={"mine": MINE}, weak="mine")
    return Catalog.load(settings, builtin_profiles())


def test_every_built_in_entry_is_valid_and_the_local_model_is_free() -> None:
    catalog = Catalog.load(Settings(), builtin_profiles())
    entries = dict(catalog)
    assert not entries["local-coder"].paid
    assert entries["local-coder"].tier == 1


def test_no_built_in_model_costs_money_without_naming_its_price() -> None:
    for alias, entry in Catalog.load(Settings(), builtin_profiles()):
        if entry.paid:
            assert entry.price_in is not None, alias
            assert entry.price_out is not None, alias


def test_the_users_entry_joins_or_replaces_a_built_in_one(catalog: Catalog) -> None:
    assert catalog.get("mine") is MINE
    replaced = Catalog.load(Settings(models={"local-coder": MINE}), builtin_profiles())
    assert replaced.get("local-coder") is MINE


@pytest.mark.parametrize(
    "name", ["mine", "openai/mine", "litellm_proxy/mine", WEAK, f"openai/{WEAK}"]
)
def test_aiders_names_are_understood(catalog: Catalog, name: str) -> None:
    assert catalog.plain(name) == "mine"
    assert catalog.get(name) is MINE
    assert name in catalog


def test_an_unknown_alias_names_the_nearest(catalog: Catalog) -> None:
    with pytest.raises(UsageError) as error:
        catalog.get("local-codr")
    assert error.value.do == "did you mean `local-coder`?"
    assert "mine" in error.value.why
    assert "local-codr" not in catalog


def test_aliases_come_by_tier_and_name(catalog: Catalog) -> None:
    order = [(entry.tier, alias) for alias, entry in catalog]
    assert order == sorted(order)


def test_the_catalogue_file_is_the_packaged_one() -> None:
    assert (builtin_profiles() / "models.yaml").is_file()
    assert isinstance(builtin_profiles(), Path)
