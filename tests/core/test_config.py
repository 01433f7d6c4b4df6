"""Settings come from layers; the strongest wins, and a mistake names its file and line."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from lodestar.config import environment_layer, flag_layer, leaves, merge, read_layer
from lodestar.errors import UsageError
from lodestar.loading import Context, load
from lodestar.settings import ModelEntry, Settings

NOTHING: Mapping[str, str] = {}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty project folder beside an empty home."""
    (tmp_path / "home" / "profiles").mkdir(parents=True)
    (tmp_path / "project" / ".git").mkdir(parents=True)
    return tmp_path


def loaded(
    place: Path, flags: Mapping[str, object] | None = None, environ: Mapping[str, str] = NOTHING
) -> Context:
    environ = {"LODESTAR_HOME": str(place / "home"), **environ}
    return load(flags, environ, place / "project")


def write(place: Path, name: str, text: str) -> None:
    (place / name).write_text(text)


def test_without_any_file_the_free_local_model_is_used(place: Path) -> None:
    context = loaded(place)
    assert context.settings.main == "local-coder"
    assert not context.catalog.get(context.settings.main).paid
    assert context.origins["timezone"] == "default"
    assert context.warnings == ()


def test_each_source_outranks_the_one_below_it(place: Path) -> None:
    """flag > environment > project file > profile > config.yaml > default"""
    seen = [loaded(place).settings.limits.session_minutes]
    write(place, "home/config.yaml", "profile: mine\nlimits: {session_minutes: 500}")
    write(place, "home/profiles/mine.yaml", "main: demo")
    seen.append(loaded(place).settings.limits.session_minutes)
    write(place, "home/profiles/mine.yaml", "limits: {session_minutes: 400}")
    seen.append(loaded(place).settings.limits.session_minutes)
    write(place, "project/.lodestar.yaml", "limits: {session_minutes: 300}")
    seen.append(loaded(place).settings.limits.session_minutes)
    minutes = {"LODESTAR_LIMITS__SESSION_MINUTES": "200"}
    seen.append(loaded(place, None, minutes).settings.limits.session_minutes)
    flags: dict[str, object] = {"limits.session_minutes": 100}
    seen.append(loaded(place, flags, minutes).settings.limits.session_minutes)
    assert seen == [None, 500, 400, 300, 200, 100]


def test_the_origin_of_a_value_names_file_and_line(place: Path) -> None:
    write(place, "home/config.yaml", "# a comment\ntimezone: Europe/Berlin\n")
    context = loaded(place, {"main": "demo"}, {"LODESTAR_WEAK": "demo"})
    assert context.origins["timezone"] == f"{place}/home/config.yaml:2"
    assert context.origins["main"] == "command line"
    assert context.origins["weak"] == "$LODESTAR_WEAK"


@pytest.mark.parametrize(
    ("text", "line", "key", "hint"),
    [
        ("tier_celing: 3", 1, "tier_celing", "did you mean `tier_ceiling`?"),
        ("\nlimits:\n  session_minuts: 3", 3, "limits.session_minuts", "`session_minutes`?"),
        ("models:\n  x:\n    provider: openai\n    modle: y", 4, "models.x.modle", "`model`?"),
        ("zzz: 1", 1, "zzz", "remove it"),
    ],
)
def test_an_unknown_key_names_file_line_and_the_nearest_valid_one(
    place: Path, text: str, line: int, key: str, hint: str
) -> None:
    write(place, "home/config.yaml", text)
    with pytest.raises(UsageError) as error:
        loaded(place)
    assert error.value.what == f"{place}/home/config.yaml:{line}: unknown key `{key}`"
    assert hint in error.value.do
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    "text",
    ["tier_ceiling: 9", "tier_ceiling: many", "limits: 5", "models: {a: {provider: engine}}",
     "models: {a: {provider: openai, model: m, api_base: 'ftp://x'}}",
     "models: {'../x': {provider: engine, model: m, billing: local}}",
     "models: {a: {provider: engine, model: m, billing: payg}}"],
)  # fmt: skip
def test_a_wrong_value_is_an_error_that_names_its_file(place: Path, text: str) -> None:
    write(place, "home/config.yaml", text)
    with pytest.raises(UsageError, match=r"is not valid|cannot read") as error:
        loaded(place)
    assert f"{place}/home/config.yaml:1" in error.value.what


@pytest.mark.parametrize("text", ["- a list", "key: [unclosed", "\x00", "just text"])
def test_a_file_that_is_not_a_mapping_is_an_error(place: Path, text: str) -> None:
    write(place, "home/config.yaml", text)
    with pytest.raises(UsageError, match=r"config\.yaml"):
        loaded(place)


def test_yaml_cannot_build_objects(place: Path) -> None:
    write(place, "home/config.yaml", "main: !!python/object/apply:os.system ['true']")
    with pytest.raises(UsageError):
        loaded(place)


def test_environment_values_are_yaml_and_foreign_variables_are_left_alone() -> None:
    layer = environment_layer(
        {
            "LODESTAR_TIER_CEILING": "3",
            "LODESTAR_RATING__ENABLED": "false",
            "LODESTAR_HOME": "/somewhere",
            "LODESTAR_NO_INPUT": "1",
            "LODESTAR_NOT_A_SETTING": "x",
            "PATH": "/bin",
        }
    )
    assert layer.values == {"tier_ceiling": 3, "rating": {"enabled": False}}


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    assert flag_layer({"main": None, "limits.session_minutes": None}).values == {}


def test_sections_are_merged_key_by_key() -> None:
    low = flag_layer({"rating.enabled": False, "rating.timeout_s": 30})
    settings, _ = merge([low, flag_layer({"rating.timeout_s": 40})])
    assert (settings.rating.enabled, settings.rating.timeout_s) == (False, 40)


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValidationError):
        setattr(Settings(), "main", "other")  # noqa: B010


def test_prices_are_exact() -> None:
    entry = ModelEntry.model_validate(
        {"provider": "openai", "model": "m", "api_base": "https://x/v1", "price_in": 0.15}
    )
    assert entry.price_in == Decimal("0.15")
    assert entry.price_out is None
    assert entry.paid


@pytest.mark.parametrize("price", ["-1", "nan", "inf", "0.0001", "1000000"])
def test_a_senseless_price_is_refused(price: str) -> None:
    with pytest.raises(ValidationError):
        ModelEntry.model_validate(
            {"provider": "openai", "model": "m", "api_base": "https://x/v1", "price_in": price}
        )


def test_leaves_are_dotted_keys() -> None:
    assert dict(leaves({"a": {"b": 1, "c": {}}, "d": 2})) == {"a.b": 1, "a.c": {}, "d": 2}


def test_reading_remembers_every_line(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("a: 1\nb:\n  c: 2\n")
    layer = read_layer(file)
    assert (layer.origin("a"), layer.origin("b.c")) == (f"{file}:1", f"{file}:3")
    assert layer.origin("b.unknown") == f"{file}:2"
