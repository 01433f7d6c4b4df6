"""`lodestar models remove`: an alias, and the file that it stood for."""

from __future__ import annotations

from pathlib import Path

import pytest

from lodestar.paths import Home
from tests.cli.conftest import Cli
from tests.cli.gguf_file import write_gguf


def test_an_imported_file_goes_with_its_alias_and_leaves_the_name_free(
    cli: Cli, home: Home, tmp_path: Path
) -> None:
    source = write_gguf(tmp_path / "mine.gguf")
    cli("models", "import", str(source))
    with (home.root / "models" / "mine.gguf").open("r+b") as file:
        file.truncate(4_700_000_000)
    assert cli("models", "remove", "mine").err == "removed mine and its file, 4.7 GB\n"
    assert not list((home.root / "models").iterdir())
    assert cli("models", "import", str(source)).code == 0


def test_a_file_is_kept_where_asked_or_where_it_was_not_imported(
    cli: Cli, home: Home, tmp_path: Path
) -> None:
    file = home.root / "models" / "mine.gguf"
    cli("models", "import", str(write_gguf(tmp_path / "mine.gguf")))
    kept = f"removed mine; kept the file {file}\n"
    assert cli("models", "remove", "mine", "--keep-file").err == kept
    assert file.with_suffix(".json").exists()
    file.with_suffix(".json").unlink()
    cli("models", "add", "mine", "--model", "mine", "--provider", "engine")
    assert cli("models", "remove", "mine").err == kept
    cli("models", "add", "mine", "--model", "mine", "--provider", "engine")
    assert cli("models", "remove", "mine", "--file").code == 0
    assert not file.exists()


@pytest.mark.parametrize("model", ["../outside", "demo", "absent"])
def test_only_a_file_of_lodestars_own_folder_is_deleted(cli: Cli, home: Home, model: str) -> None:
    (home.folder("models").parent / "outside.gguf").touch()
    cli("models", "add", "odd", "--model", model, "--provider", "engine")
    assert cli("models", "remove", "odd", "--file").err == "removed odd\n"
    assert (home.root / "outside.gguf").exists()


def test_a_file_that_an_adapters_alias_uses_is_kept(cli: Cli, home: Home, tmp_path: Path) -> None:
    cli("models", "import", str(write_gguf(tmp_path / "mine.gguf")))
    cli("models", "add", "tuned", "--model", "mine@tuned", "--provider", "engine")
    assert "(used by tuned)" in cli("models", "remove", "mine").err
    assert (home.root / "models" / "mine.gguf").exists()
