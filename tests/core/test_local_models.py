"""Each local alias stands for one thing during a run, and it is said which and why."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lodestar.catalog import Catalog
from lodestar.engine_models import import_file
from lodestar.loading import Context, load
from lodestar.local_models import FREE_PATH, handed_over, remember_context, resolve, settled
from lodestar.paths import Home, builtin_profiles
from lodestar.settings import Settings
from lodestar.supervisor.aider_files import model_metadata, model_settings
from tests.fakes.ollama import Model, Ollama

CODER, LLAMA = "deepseek-coder:6.7b", "llama3.1:8b"


@pytest.fixture
def ollama() -> Iterator[Ollama]:
    with Ollama({CODER: Model(), LLAMA: Model(trained=131072)}) as server:
        yield server


def configured(home: Path, **config: Any) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.yaml").write_text(yaml.safe_dump(config))


def start(home: Path, **environ: str) -> Context:
    """The configuration as a session begins with it."""
    environ = {"LODESTAR_HOME": str(home), "OLLAMA_HOST": "none", **environ}
    return settled(load({}, environ, home.parent), environ)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_the_free_path_is_the_built_in_aliases_of_ollama() -> None:
    built_in = Catalog.load(Settings(), builtin_profiles())
    assert {alias for alias, entry in built_in if entry.provider == "ollama"} == FREE_PATH


def test_without_an_ollama_the_demo_model_answers_and_nobody_is_bothered(tmp_path: Path) -> None:
    context = start(tmp_path / "home")
    for alias in FREE_PATH:
        assert context.catalog.get(alias) == context.catalog.get("demo")
    assert context.warnings == ()
    assert context.local
    assert context.local.url is None


def test_nothing_that_listens_costs_no_time(tmp_path: Path) -> None:
    settings = Settings.model_validate({"ollama": {"url": f"127.0.0.1:{free_port()}"}})
    catalog = Catalog.load(settings, builtin_profiles())
    found = resolve(Home(tmp_path), settings, catalog, {}, patience_s=60)
    assert found.entries["local-coder"].provider == "engine"
    assert "refused" in found.reasons["local-coder"]


def test_an_address_that_is_silent_is_given_up_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = Settings.model_validate({"ollama": {"url": url}})
        catalog = Catalog.load(settings, builtin_profiles())
        began = time.monotonic()
        found = resolve(Home(tmp_path), settings, catalog, {})
        assert time.monotonic() - began < 5
    assert found.entries["local-coder"].provider == "engine"
    assert "does not answer in time" in found.reasons["local-coder"]


@pytest.mark.parametrize("how", ["config", "environment"])
def test_an_ollama_of_the_users_answers(tmp_path: Path, ollama: Ollama, how: str) -> None:
    home = tmp_path / "home"
    environ = {"OLLAMA_HOST": ollama.url} if how == "environment" else {}
    if how == "config":
        configured(home, ollama={"url": ollama.url})
    context = start(home, **environ)
    entry = context.catalog.get("local-coder")
    assert (entry.provider, entry.model) == ("ollama", CODER)
    assert entry.api_base == f"{ollama.url}/v1"
    assert context.catalog.get("gpt-3.5-turbo").api_base == entry.api_base
    assert context.catalog.get("local-llama").model == LLAMA
    assert context.warnings == ()
    assert not entry.paid


def test_a_model_that_it_lacks_is_named_with_the_command_that_gets_it(
    tmp_path: Path, ollama: Ollama
) -> None:
    del ollama.models[CODER]
    home = tmp_path / "home"
    configured(home, ollama={"url": ollama.url})
    context = start(home)
    assert context.catalog.get("local-coder").provider == "engine"
    assert context.catalog.get("local-llama").provider == "ollama"
    (line,) = context.warnings
    assert line.endswith(f"does not have {CODER}: ollama pull {CODER}")
    assert "`local-coder` is demo model on the embedded engine" in line
    assert context.local
    assert context.local.missing == {CODER}


def test_only_the_models_in_use_are_worth_a_warning(tmp_path: Path, ollama: Ollama) -> None:
    del ollama.models[LLAMA]
    home = tmp_path / "home"
    configured(home, ollama={"url": ollama.url})
    context = start(home)
    assert context.warnings == ()
    assert context.local
    assert LLAMA in context.local.reasons["local-llama"]


def test_an_alias_of_the_users_own_is_never_another_model(tmp_path: Path, ollama: Ollama) -> None:
    mine = {"provider": "ollama", "model": "qwen3:32b", "billing": "local"}
    home = tmp_path / "home"
    configured(home, ollama={"url": ollama.url}, models={"mine": mine}, main="mine")
    context = start(home)
    entry = context.catalog.get("mine")
    assert (entry.provider, entry.api_base) == ("ollama", f"{ollama.url}/v1")
    assert any("ollama pull qwen3:32b" in line for line in context.warnings)


def test_the_newest_imported_model_stands_in(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for age, name in ((100, "older"), (1, "newer")):
        file = tmp_path / name
        file.write_bytes(b"GGUF")
        path = import_file(home, file, name, 2048, False, lambda _: None).path
        os.utime(path, (time.time() - age, time.time() - age))
    entry = {"provider": "engine", "billing": "local", "context": 2048}
    models = {name: {**entry, "model": name} for name in ("older", "newer")}
    configured(home.root, models=models)
    assert start(home.root).catalog.get("local-coder").model == "newer"
    assert start(home.root).catalog.get("demo").model == "demo"


@pytest.mark.parametrize(
    ("model", "loaded", "expected"),
    [
        (Model(), False, 4096),
        (Model(num_ctx=12288), False, 12288),
        (Model(num_ctx=99999), False, 16384),
        (Model(trained=2048), False, 2048),
        (Model(), True, 32768 // 2),
    ],
)
def test_the_context_is_the_one_that_the_model_gets(
    tmp_path: Path, ollama: Ollama, model: Model, loaded: bool, expected: int
) -> None:
    ollama.models[CODER] = model
    ollama.default_context = 32768
    if loaded:
        ollama.load(CODER)
    home = tmp_path / "home"
    configured(home, ollama={"url": ollama.url})
    catalog = start(home).catalog
    entry = catalog.get("local-coder")
    assert entry.context == expected
    assert entry.max_output
    assert entry.max_output <= expected // 2
    metadata = json.loads(model_metadata(catalog))["openai/local-coder"]
    assert metadata["max_input_tokens"] == expected
    (aider,) = (s for s in json.loads(model_settings(catalog)) if s["name"] == "openai/local-coder")
    assert aider["edit_format"] == "whole"
    assert aider.get("use_repo_map") is (False if expected < 8192 else None)


def test_what_a_model_got_the_last_time_holds_until_it_is_loaded_again(
    tmp_path: Path, ollama: Ollama
) -> None:
    home = Home(tmp_path / "home")
    configured(home.root, ollama={"url": ollama.url})
    remember_context(home, ollama.url, CODER, 32768)
    assert start(home.root).catalog.get("local-coder").context == 32768
    ollama.load(CODER)
    assert start(home.root).catalog.get("local-coder").context == 4096


@pytest.mark.parametrize("text", ["", "[]", "{", '{"http://a": 1}', '{"http://a": {"m": "x"}}'])
def test_a_note_that_cannot_be_read_is_no_note(tmp_path: Path, ollama: Ollama, text: str) -> None:
    home = Home(tmp_path / "home")
    configured(home.root, ollama={"url": ollama.url})
    (home.folder("run") / "ollama.json").write_text(text.replace("http://a", ollama.url))
    assert start(home.root).catalog.get("local-coder").context == 4096
    remember_context(home, ollama.url, CODER, 8192)
    assert start(home.root).catalog.get("local-coder").context == 8192


def test_shim_and_supervisor_agree(tmp_path: Path, ollama: Ollama) -> None:
    home = tmp_path / "home"
    configured(home, ollama={"url": ollama.url})
    context = start(home)
    assert context.local
    handed = json.loads(json.dumps(context.local.as_json()))
    fresh = Catalog.load(context.settings, builtin_profiles())
    assert dict(handed_over(fresh, handed)) == dict(context.catalog)
