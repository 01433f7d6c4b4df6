"""A session that is free only: no key of a paid model is handed to its shim."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lodestar.errors import UsageError
from lodestar.loading import Context, load
from lodestar.paths import Home
from lodestar.secrets.accounts import without_paid_keys
from lodestar.settings import ModelEntry
from lodestar.supervisor.free_only import check_models, shim_environment
from lodestar.supervisor.shim_process import ShimProcess
from tests.fakes.shim_client import wait_for

MODELS = """
models:
  dear: {provider: openai, model: m, api_base: "https://api.example.org/v1", key_env: DEAR_KEY}
  implied: {provider: openai, model: m, api_base: "https://api.openai.com/v1"}
  gratis: {provider: openai, model: m, api_base: "https://x.example.org/v1", key_env: BOTH_KEY,
           billing: free}
  both: {provider: openai, model: m, api_base: "https://x.example.org/v1", key_env: BOTH_KEY}
"""
KEYS = {"DEAR_KEY", "OPENAI_API_KEY", "BOTH_KEY", "ANTHROPIC_API_KEY"}
ENVIRON = {**dict.fromkeys(KEYS, "a-key"), "PATH": "/bin", "OTHER_KEY": "of another program"}


def context(home: Path, **flags: object) -> Context:
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.yaml").write_text(MODELS)
    dotted = {f"limits.{key}": value for key, value in flags.items()}
    return load(dotted, {"LODESTAR_HOME": str(home)}, home)


def test_only_keys_that_no_free_model_needs_are_taken_out(isolated_home: Path) -> None:
    given = shim_environment(context(isolated_home, free_only=True), ENVIRON)
    assert set(ENVIRON) - set(given) == {"DEAR_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"}


@pytest.mark.parametrize("flags", [{}, {"free_only": False}, {"session_usd": "0"}])
def test_without_free_only_the_environment_is_whole(
    isolated_home: Path, flags: dict[str, object]
) -> None:
    """Also with a limit of zero: a budget that is raised later has to work."""
    assert shim_environment(context(isolated_home, **flags), ENVIRON) == ENVIRON


def test_a_local_paid_model_without_a_key_takes_nothing_away() -> None:
    entry = ModelEntry(provider="openai", model="m", api_base="http://127.0.0.1:1/v1")
    assert without_paid_keys(ENVIRON, [entry]) == ENVIRON


def test_the_shims_process_gets_the_environment_it_is_given_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in the interpreter's place writes down all that it was started with."""
    seen = tmp_path / "seen"
    program = tmp_path / "python"
    program.write_text(
        f"#!/bin/sh\n{{ env; head -n 1; }} > {seen}.new\nmv {seen}.new {seen}\ncat\n"
    )
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("DEAR_KEY", "dear-and-secret")
    handed = {"PATH": "/usr/bin:/bin", "KEPT": "yes"}
    shim = ShimProcess(Home(tmp_path), tmp_path / "shim.json", environ=handed)
    shim.start()
    try:
        wait_for(seen.exists, 30)
    finally:
        shim.stop()
    text = seen.read_text()
    assert "dear-and-secret" not in text
    assert json.loads(text.splitlines()[-1]) == handed


SERVE = """
import sys
sys.executable = sys.argv[1]
from lodestar.cli.main import run
sys.exit(run(["shim", "serve"]))
"""


@pytest.mark.parametrize("free_only", [False, True])
def test_the_standalone_shim_is_started_without_the_keys_too(
    tmp_path: Path, isolated_home: Path, free_only: bool
) -> None:
    context(isolated_home)
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nenv\n")
    program.chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(program)],
        env={**os.environ, **ENVIRON, "LODESTAR_LIMITS__FREE_ONLY": str(free_only).lower()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {line.partition("=")[0] for line in done.stdout.splitlines()}
    assert names & KEYS == ({"BOTH_KEY"} if free_only else KEYS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "dear"],
        ["app.py", "--model=dear", "--message", "x"],
        ["--model", "openai/dear"],
        ["--editor-model", "both"],
        ["--weak-model=dear"],
    ],
)
def test_naming_a_paid_model_is_refused_with_a_free_one_to_take(
    isolated_home: Path, arguments: list[str]
) -> None:
    found = context(isolated_home, free_only=True)
    with pytest.raises(UsageError) as caught:
        list(check_models(found, arguments))
    assert "is a paid model" in caught.value.what
    assert "free only (command line)" in caught.value.why
    assert "--model local-coder" in caught.value.do


@pytest.mark.parametrize("arguments", [["--model", "gratis"], ["--model"], ["dear"], []])
def test_free_models_are_not_its_business(isolated_home: Path, arguments: list[str]) -> None:
    assert list(check_models(context(isolated_home, free_only=True), arguments)) == []
    assert list(check_models(context(isolated_home), ["--model", "dear"])) == []


@pytest.mark.parametrize("free_only", [True, False])
def test_an_unknown_model_is_told_with_the_nearest_name(
    isolated_home: Path, free_only: bool
) -> None:
    with pytest.raises(UsageError, match="no model called `grtis`") as error:
        list(check_models(context(isolated_home, free_only=free_only), ["--model=grtis"]))
    assert "gratis" in error.value.do


def test_a_paid_model_of_the_profile_is_told_and_no_error(isolated_home: Path) -> None:
    found = context(isolated_home, free_only=True)
    (isolated_home / "config.yaml").write_text(MODELS + "main: dear\neditor: both\n")
    found = load({"limits.free_only": True}, {"LODESTAR_HOME": str(isolated_home)}, isolated_home)
    assert list(check_models(found, [])) == [
        "free only: `dear` (main model) is paid and closed; a free model answers",
        "free only: `both` (editor model) is paid and closed; a free model answers",
    ]
