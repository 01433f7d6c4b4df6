"""Fallback chains and the order of `auto`, as the configuration says them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from lodestar.catalog import WEAK, Catalog
from lodestar.errors import UsageError
from lodestar.loading import load
from lodestar.paths import builtin_profiles
from lodestar.settings import ModelEntry, Settings
from lodestar.store.exchanges import open_attempt, open_exchange
from lodestar.store.migrations import MigrationSet
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from lodestar.supervisor.aider_files import model_metadata, model_settings
from tests.fakes.values import a_request, a_route


def model(*fallbacks: str, tier: int = 1, **more: Any) -> ModelEntry:
    billing = "free" if tier == 1 else "payg"
    fields = {"provider": "openai", "model": "m", "api_base": "http://127.0.0.1:9/v1", **more}
    return ModelEntry(fallbacks=list(fallbacks), tier=tier, billing=billing, **fields)


def catalog(settings: dict[str, Any] | None = None, **models: ModelEntry) -> Catalog:
    return Catalog.load(Settings(models=models, **(settings or {})), builtin_profiles())


def test_the_fallbacks_of_fallbacks_count_each_once() -> None:
    found = catalog(a=model("b", "c"), b=model("d", "c"), c=model(), d=model("c"))
    assert [alias for alias, _ in found.in_order("openai/a")] == ["a", "b", "d", "c"]


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ({"a": model("b"), "b": model("c"), "c": model("a")}, "a -> b -> c -> a"),
        ({"a": model("a")}, "a -> a"),
        ({"a": model("b"), "b": model("c"), "c": model("b")}, "b -> c -> b"),
    ],
)
def test_a_circle_is_refused_and_shown(models: dict[str, ModelEntry], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        catalog(**models)
    assert said in raised.value.why
    assert raised.value.exit_code == 2


def test_a_fallback_that_is_no_model_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError) as raised:
        catalog(a=model("local-coda"))
    assert "the fallbacks of `a`: there is no model called `local-coda`" in raised.value.what
    assert raised.value.do == "did you mean `local-coder`?"
    with pytest.raises(UsageError, match=r"routing\.auto"):
        catalog({"routing": {"auto": ["local-coda"]}})


def test_nobody_else_can_be_called_auto() -> None:
    with pytest.raises(UsageError, match="cannot be called `auto`"):
        catalog(auto=model())


@pytest.mark.parametrize(
    ("settings", "order"),
    [
        ({"main": "dear"}, ["free", "local-coder", "dear", "dearer"]),
        ({"main": "auto"}, ["local-coder"]),
        ({"main": "free"}, ["free", "local-coder"]),
        ({"routing": {"auto": ["dearer", "free", "dear"]}}, ["free", "dearer", "dear"]),
    ],
)
def test_the_order_of_auto_is_free_first(settings: dict[str, Any], order: list[str]) -> None:
    models = {"dear": model("dearer", "free", tier=3), "dearer": model(tier=4), "free": model()}
    found = catalog(settings, **models)
    assert list(found.auto) == order
    assert [alias for alias, _ in found.in_order("auto")] == order


def test_aider_is_told_of_auto_what_it_is_told_of_its_first_model() -> None:
    first = model(aider={"edit_format": "diff"}, context=16000)
    found = catalog({"main": "mine", "weak": "local-coder"}, mine=first)
    settings = {entry["name"]: entry for entry in json.loads(model_settings(found))}
    assert settings["openai/auto"]["edit_format"] == "diff"
    assert settings["openai/auto"]["weak_model_name"] == f"openai/{WEAK}"
    metadata = json.loads(model_metadata(found))
    assert metadata["openai/auto"] == metadata["openai/mine"]
    assert f"openai/{WEAK}" in metadata


def test_a_repository_cannot_choose_what_goes_up_by_itself(
    tmp_path: Path, isolated_home: Path
) -> None:
    """`auto` is free to begin with; where the user lets it go up, choosing it can cost money."""
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / ".lodestar.yaml").write_text("main: auto\n", "utf-8")
    isolated_home.mkdir(parents=True)
    chosen = {}
    for escalate in ("ask", "auto"):
        routing = {"auto": ["local-coder", "claude-sonnet"], "escalate": escalate}
        text = json.dumps({"tier_ceiling": 4, "routing": routing})
        (isolated_home / "config.yaml").write_text(text, "utf-8")
        chosen[escalate] = load(folder=project).settings.main
    assert chosen == {"ask": "auto", "auto": "local-coder"}


def test_attempts_from_before_reasons_stay_and_new_ones_have_theirs(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    before = MigrationSet("core", CORE.steps[:2], CORE.purgers)
    request = a_request(session=None)
    with Store.open(path, [before]) as store:
        open_exchange(store, request, [])
        with store.write() as connection:
            _attempt_of_before(connection, request.id)
    with Store.open(path, [CORE]) as store:
        open_attempt(store, "A2", request, a_route(), 2)
        rows = store.rows("SELECT id, alias, reason FROM attempts ORDER BY number")
        old, new = ("A1", "old", None), ("A2", "paid-model", "you asked")
        assert [tuple(row) for row in rows] == [old, new]


def _attempt_of_before(connection: sqlite3.Connection, exchange: str) -> None:
    connection.execute(
        "INSERT INTO attempts(id, exchange_id, number, alias, provider, model, billing, tier,"
        " status, started_ms) VALUES ('A1', ?, 1, 'old', 'openai', 'm', 'free', 1, 'ok', 1)",
        (exchange,),
    )
