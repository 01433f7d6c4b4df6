"""Local models whose file is gone, cut off or another one: the error says what helps."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lodestar.engine_client import health
from lodestar.paths import engine_socket
from tests.fakes.shim_client import Shim, config

DEMO = Path(__file__).parents[2] / "shims" / "lodestar_engine" / "models" / "demo.gguf"
MODELS = "".join(
    f"  {name}: {{provider: engine, model: {name}, billing: local}}\n"
    for name in ("gone", "short", "other", "gone@tuned")
)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shim]:
    """A shim with one model of each kind; its engine is stopped at the end."""
    home: Path = tmp_path_factory.mktemp("home")
    config(home, "models:\n" + MODELS.replace("gone@tuned:", "tuned:"))
    folder = home / "models"
    folder.mkdir()
    (folder / "short.gguf").write_bytes(DEMO.read_bytes()[:500_000])
    shutil.copy(DEMO, folder / "other.gguf")
    (folder / "other.json").write_text(json.dumps({"sha256": "0" * 64}))
    with Shim(home, env={"LODESTAR_HOME": str(home)}) as running:
        yield running
        engine = health(engine_socket(home))
    with suppress(ProcessLookupError):
        os.kill(int((engine or {})["pid"]), signal.SIGTERM)


def told(shim: Shim, alias: str) -> list[str]:
    status, _, body = shim.chat(alias)
    assert status == 400
    return [line.strip() for line in json.loads(body)["error"]["message"].strip().split("\n")]


@pytest.mark.parametrize(
    ("alias", "why"),
    [("gone", "does not exist"), ("short", "cut off"), ("other", "SHA-256 differs")],
)
def test_a_model_file_that_is_no_use_is_to_be_imported_again(
    shim: Shim, alias: str, why: str
) -> None:
    what, because, do = told(shim, alias)
    assert f"`{alias}`" in what
    assert why in because
    assert do.endswith(f": lodestar models import FILE --name {alias} --yes")


def test_an_import_is_not_advised_for_an_adapter(shim: Shim) -> None:
    assert "import" not in told(shim, "tuned")[-1]
