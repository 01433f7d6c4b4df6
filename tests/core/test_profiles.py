"""Profiles are named ways of working."""

from __future__ import annotations

from pathlib import Path

import pytest

from lodestar.errors import UsageError
from lodestar.loading import load
from lodestar.paths import Home, builtin_profiles
from lodestar.profiles import NOT_PROFILES, profile_files, profile_layer

FILES = {path.stem for path in builtin_profiles().glob("*.yaml")}
BUILTIN = sorted(FILES - NOT_PROFILES)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "profiles").mkdir()
    return Home(tmp_path)


def test_the_built_in_profiles_are_there(home: Home) -> None:
    assert {"default", "local-only", "frugal", "claude", "review"} <= set(profile_files(home))
    assert not NOT_PROFILES & set(profile_files(home))


@pytest.mark.parametrize("name", BUILTIN)
def test_a_built_in_profile_can_be_used_and_says_what_it_is_for(name: str, tmp_path: Path) -> None:
    context = load({"profile": name}, {"LODESTAR_HOME": str(tmp_path / "home")}, tmp_path)
    assert context.settings.profile == name
    context.catalog.get(context.settings.main)
    context.catalog.get(context.settings.weak)
    _, description = profile_layer(context.home, name)
    assert description


@pytest.mark.parametrize("name", sorted({*BUILTIN} - {"claude"}))
def test_only_the_profile_called_claude_starts_with_a_paid_model(name: str, tmp_path: Path) -> None:
    context = load({"profile": name}, {"LODESTAR_HOME": str(tmp_path / "home")}, tmp_path)
    assert not context.catalog.get(context.settings.main).paid
    assert not context.catalog.get(context.settings.weak).paid


def test_the_profile_claude_is_priced_and_commits_for_free(tmp_path: Path) -> None:
    context = load({"profile": "claude"}, {"LODESTAR_HOME": str(tmp_path / "home")}, tmp_path)
    main = context.catalog.get(context.settings.main)
    assert main.paid
    assert None not in (main.price_in, main.price_out, main.max_output)
    assert main.tier <= context.settings.tier_ceiling
    assert not context.catalog.get(context.settings.weak).paid


def test_the_users_profile_wins_over_a_built_in_of_the_same_name(home: Home) -> None:
    own = home.root / "profiles" / "default.yaml"
    own.write_text("description: mine\nmain: demo\n")
    layer, description = profile_layer(home, "default")
    assert (layer.values, description) == ({"main": "demo"}, "mine")
    assert layer.origin("main") == f"{own}:2"


def test_an_unknown_profile_names_the_nearest(home: Home) -> None:
    with pytest.raises(UsageError) as error:
        profile_layer(home, "defalt")
    assert error.value.do == "did you mean `default`?"
    assert "local-only" in error.value.why


@pytest.mark.parametrize("name", ["../config", "a/b", "", ".hidden", "x" * 65, "default\n"])
def test_a_name_cannot_leave_the_folder(home: Home, name: str) -> None:
    (home.root / "config.yaml").write_text("main: demo")
    with pytest.raises(UsageError):
        profile_layer(home, name)


@pytest.mark.parametrize("key", ["models", "allow_unmetered", "modules", "log", "timezone"])
def test_a_profile_cannot_set_what_belongs_to_the_user(home: Home, key: str) -> None:
    (home.root / "profiles" / "bold.yaml").write_text(f"\n{key}: x\n")
    with pytest.raises(UsageError) as error:
        profile_layer(home, "bold")
    assert f"bold.yaml:2: a profile cannot set `{key}`" in error.value.what
