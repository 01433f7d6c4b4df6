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


@pytest.mark.parametrize(
    ("file", "text", "who"),
    [
        ("config.yaml", "routing: {auto: [demo, mine]}\n", "config.yaml (routing.auto)"),
        ("profiles/night.yaml", "routing: {auto: [mine]}\n", "the profile `night` (routing.auto)"),
        (
            "config.yaml",
            "models:",
            "the fallbacks of `other`",
        ),
    ],
)
def test_a_model_that_is_named_elsewhere_stays(
    cli: Cli, home: Home, file: str, text: str, who: str
) -> None:
    server = ("--api-base", "http://127.0.0.1:9/v1", "--free")
    place = home.root / file
    place.parent.mkdir(exist_ok=True)
    assert cli("models", "add", "mine", "--model", "m", *server).code == 0
    before = home.config_file.read_text("utf-8")
    if "models:" in text:
        assert (
            cli("models", "add", "other", "--model", "o", *server, "--fallback", "mine").code == 0
        )
    else:
        place.write_text((before if place == home.config_file else "") + text, "utf-8")
    refused = cli("models", "remove", "mine")
    assert refused.code == 2
    assert refused.error[1] == f"why:   it is named by {who}"
    assert "mine" in [row[1] for row in cli("models").rows]


def test_a_builtin_that_comes_back_may_be_named(cli: Cli) -> None:
    assert cli("models", "edit", "demo", "--note", "mine").code == 0
    assert cli("models", "edit", "gpt-4o", "--fallback", "demo").code == 0
    assert cli("models", "remove", "demo").err == "removed demo\n"


def test_a_change_that_names_no_model_is_refused_and_nothing_is_written(
    cli: Cli, home: Home
) -> None:
    refused = cli("models", "edit", "gpt-4o", "--fallback", "nobody")
    assert refused.code == 2
    assert "the fallbacks of `gpt-4o`: there is no model called `nobody`" in refused.err
    assert not home.config_file.exists()
