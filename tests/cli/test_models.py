"""`lodestar models`: list, add, remove, import."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import struct
import sys
from pathlib import Path

import pytest
import yaml

from lodestar.paths import Home, builtin_profiles
from tests.cli.conftest import Cli, Result
from tests.cli.gguf_file import write_gguf
from tests.cli.pulled import CONTENT

BASE = "https://models.example/v1"


@pytest.fixture
def python_without_aider(home: Home, tmp_path: Path) -> None:
    """An interpreter that cannot answer, so that adding a model does not load Aider."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    home.config_file.write_text(f"# mine\naider:\n  python: {fake}\n")


def add(cli: Cli, alias: str, *more: str, base: str = BASE) -> Result:
    return cli("models", "add", alias, "--model", "m-1", "--api-base", base, *more)


def configured(home: Home) -> dict[str, dict[str, object]]:
    models: dict[str, dict[str, object]] = yaml.safe_load(home.config_file.read_text())["models"]
    return models


def test_the_list_marks_the_model_in_force_and_shows_labels(cli: Cli) -> None:
    rows = {row[1]: row for row in cli("models").rows}
    assert rows["local-coder"][0] == "*"
    assert rows["local-coder"][3:] == [
        "demo",
        "embedded engine",
        "local",
        "4096",
        "",
        "demo model",
    ]


@pytest.mark.usefixtures("python_without_aider")
def test_a_paid_model_is_added_with_its_prices(cli: Cli, home: Home) -> None:
    result = add(cli, "gpt", "--price-in", "0.15", "--price-out", "0.6", "--key-env", "KEY")
    assert result.code == 0
    assert home.config_file.read_text().startswith("# mine\n")
    entry = configured(home)["gpt"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", str(entry.pop("price_date")))
    assert entry == {
        "provider": "openai",
        "model": "m-1",
        "api_base": BASE,
        "key_env": "KEY",
        "billing": "payg",
        "price_in": 0.15,
        "price_out": 0.6,
        "tier": 2,
    }
    row = next(row for row in cli("models").rows if row[1] == "gpt")
    assert row[5] == "0.15 / 0.6"
    assert "Aider could not be asked" in result.err


@pytest.mark.usefixtures("python_without_aider")
def test_a_paid_model_without_a_price_is_stored_and_said_to_be_refused(
    cli: Cli, home: Home
) -> None:
    result = add(cli, "gpt", "--price-in", "0.15")
    assert result.code == 0
    assert "refuses paid calls of unknown price" in result.err
    assert "price_out" not in configured(home)["gpt"]


@pytest.mark.usefixtures("python_without_aider")
@pytest.mark.parametrize(
    ("base", "billing"), [("http://127.0.0.1:11434/v1", "local"), (BASE, "free")]
)
def test_a_free_model_is_of_tier_1_and_local_when_it_is_here(
    cli: Cli, home: Home, base: str, billing: str
) -> None:
    add(cli, "big", "--free", base=base)
    assert configured(home)["big"]["billing"] == billing
    assert configured(home)["big"]["tier"] == 1


@pytest.mark.usefixtures("python_without_aider")
def test_a_key_over_plain_http_is_warned_of(cli: Cli) -> None:
    result = add(cli, "far", "--free", "--key-env", "KEY", base="http://far.example/v1")
    assert "travel unencrypted to far.example" in result.err


@pytest.mark.usefixtures("python_without_aider")
@pytest.mark.parametrize(
    ("alias", "more", "what"),
    [
        ("demo", (), "there is a model called `demo` already"),
        ("lodestar-weak", (), "is Lodestar's own name"),
        ("a b", (), "is not valid"),
        ("x", ("--price-in", "cheap"), "is not a number"),
        ("x", ("--tier", "9"), "`models.x.tier` is not valid"),
        ("x", ("--key-env", "sk-123"), "takes the name of an environment variable"),
        ("x", ("--api-base", "ftp://x"), "is not valid"),
    ],
)
def test_a_wrong_model_is_refused_and_nothing_is_written(
    cli: Cli, home: Home, alias: str, more: tuple[str, ...], what: str
) -> None:
    before = home.config_file.read_text()
    result = add(cli, alias, *more)
    assert result.code == 2
    assert what in result.error[0]
    assert home.config_file.read_text() == before


def test_a_model_on_a_server_without_its_url_is_refused_in_words(cli: Cli, home: Home) -> None:
    result = cli("models", "add", "x", "--model", "y")
    assert (result.code, result.error[0]) == (2, "error: --api-base is missing")
    assert "--api-base http://" in result.error[2]
    assert not home.config_file.exists()


@pytest.mark.usefixtures("python_without_aider")
def test_yes_replaces_and_remove_brings_the_built_in_back(cli: Cli, home: Home) -> None:
    assert add(cli, "demo", "--free", "--yes").code == 0
    assert {r[1]: r[4] for r in cli("models").rows}["demo"] == "models.example"
    assert cli("models", "remove", "demo").code == 0
    assert {r[1]: r[4] for r in cli("models").rows}["demo"] == "embedded engine"
    assert cli("models", "remove", "demo").error[0] == "error: `demo` is built in"


def test_the_settings_that_aider_uses_are_stored(cli: Cli, home: Home, tmp_path: Path) -> None:
    answer = {
        "exact": True,
        "settings": {"edit_format": "diff", "lazy": True},
        "metadata": {"max_input_tokens": 9000, "max_output_tokens": 700},
    }
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\n[ \"$3\" = m-1 ] && echo '{json.dumps(answer)}'\n")
    fake.chmod(0o755)
    home.config_file.write_text(f"aider:\n  python: {fake}\n")
    add(cli, "gpt", "--free", "--context", "8000")
    entry = configured(home)["gpt"]
    assert entry["aider"] == {"edit_format": "diff", "lazy": True}
    assert (entry["context"], entry["max_output"]) == (8000, 700)


def test_a_model_file_is_imported_with_its_checksum(cli: Cli, home: Home, tmp_path: Path) -> None:
    source = write_gguf(tmp_path / "Tiny Model.gguf")
    result = cli("models", "import", str(source))
    assert result.code == 0, result.err
    file = home.root / "models" / "Tiny-Model.gguf"
    facts = json.loads(file.with_suffix(".json").read_text())
    assert file.read_bytes() == source.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert facts == {
        "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "size": source.stat().st_size,
        "source": str(source),
        "context": 4096,
    }
    assert configured(home)["Tiny-Model"] == {
        "provider": "engine",
        "model": "Tiny-Model",
        "billing": "local",
        "tier": 1,
        "context": 4096,
        "label": "Tiny Test",
        "aider": {"edit_format": "whole"},
    }
    assert sorted(p.name for p in file.parent.iterdir()) == ["Tiny-Model.gguf", "Tiny-Model.json"]


def test_an_import_can_become_the_everyday_model_and_stop_being_it(
    cli: Cli, home: Home, tmp_path: Path
) -> None:
    source = write_gguf(tmp_path / "big.gguf", context=32768, template=False)
    result = cli("models", "import", str(source), "--name", "mine", "--default", "--link")
    assert "no chat template" in result.err
    assert os.stat(home.root / "models" / "mine.gguf").st_ino == source.stat().st_ino
    rows = {row[1]: row for row in cli("models").rows}
    assert rows["local-coder"][3:7] == ["mine", "embedded engine", "local", "8192"]
    kept = f"removed mine; kept the file {home.root}/models/mine.gguf (used by local-coder)\n"
    assert cli("models", "remove", "mine", "--file").err == kept
    cli("models", "remove", "local-coder")
    assert not list((home.root / "models").iterdir())
    assert source.exists()


def test_a_copy_of_the_demo_model_is_treated_as_the_demo_model(
    cli: Cli, home: Home, tmp_path: Path
) -> None:
    (tmp_path / "copy.gguf").write_bytes(CONTENT)
    assert (
        cli("models", "import", str(tmp_path / "copy.gguf"), "--name", "mine", "--default").code
        == 0
    )
    builtin = yaml.safe_load((builtin_profiles() / "models.yaml").read_text())["demo"]
    for alias in ("mine", "local-coder"):
        entry = configured(home)[alias]
        assert entry["aider"] == builtin["aider"]
        assert (entry["model"], entry["label"]) == ("mine", builtin["label"])


def test_the_list_names_files_without_an_alias(cli: Cli, home: Home) -> None:
    write_gguf(home.folder("models") / "stray.gguf")
    assert "stray.gguf has no alias" in cli("models").err
    assert json.loads(cli("models", "--json").out)["files_without_alias"] == ["stray"]


@pytest.mark.parametrize(
    ("make", "more", "what"),
    [
        ({"kind": "adapter"}, (), "is not a model"),
        ({"tensors": 0}, (), "holds no weights"),
        ({}, ("--context", "5000"), "--context 5000 is more than the model can take"),
        ({}, ("--name", "demo"), "is the name of a built-in model"),
        ({}, ("--name", "../x"), "cannot be a model's name"),
    ],
)
def test_an_import_that_cannot_work_is_refused_and_leaves_nothing(
    cli: Cli, home: Home, tmp_path: Path, make: dict[str, object], more: tuple[str, ...], what: str
) -> None:
    source = write_gguf(tmp_path / "file.gguf", **make)  # type: ignore[arg-type]
    result = cli("models", "import", str(source), *more)
    assert result.code == 2
    assert what in result.error[0]
    assert not home.config_file.exists()
    assert not list((home.root / "models").glob("*"))


def test_one_part_of_several_is_refused(cli: Cli, tmp_path: Path) -> None:
    source = write_gguf(tmp_path / "big-00001-of-00003.gguf")
    assert "one part of a model" in cli("models", "import", str(source)).error[0]


def test_what_is_not_a_model_file_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF" + b"\xff" * 100)
    assert "is not a usable GGUF file" in cli("models", "import", str(tmp_path / "x.gguf")).err
    assert cli("models", "import", str(tmp_path / "absent.gguf")).code == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a GGUF file"),
        (b"\x80\x04cposix\nsystem\n", "not a GGUF file"),
        (b"GGUF\x03" + bytes(3) + b"\xff" * 16 + bytes(19), "it claims"),
        (struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, 2**63), "bytes of text"),
        (struct.pack("<4sIQQQsIIQ", b"GGUF", 3, 0, 1, 1, b"a", 9, 4, 2**63), "array elements"),
    ],
    ids=["empty", "pickle", "43 bytes", "endless text", "endless array"],
)
def test_a_hostile_file_is_refused_in_words(
    cli: Cli, home: Home, tmp_path: Path, content: bytes, why: str
) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(content)
    result = cli("models", "import", str(file))
    assert result.code == 2
    assert why in result.error[1]
    assert not list((home.root / "models").glob("*"))


@pytest.mark.parametrize("end", ["exit 1", "kill -9 $$", "echo [1]", "echo '{'"])
def test_a_file_is_examined_in_a_process_that_has_no_key_and_may_die(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    source, seen, fake = write_gguf(tmp_path / "x.gguf"), tmp_path / "seen", tmp_path / "python"
    fake.write_text(f"#!/bin/sh\nenv > {seen}\n{end}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("SOME_API_KEY", "canary-key-4711")
    monkeypatch.setattr(sys, "executable", str(fake))
    result = cli("models", "import", str(source))
    assert "reading its header failed" in result.error[1]
    assert "PATH=" in seen.read_text()
    assert "canary" not in seen.read_text()


def test_a_name_in_use_is_kept_unless_told_otherwise(cli: Cli, home: Home, tmp_path: Path) -> None:
    source = write_gguf(tmp_path / "mine.gguf")
    cli("models", "import", str(source))
    write_gguf(source, context=2048)
    assert cli("models", "import", str(source)).code == 2
    assert configured(home)["mine"]["context"] == 4096
    assert cli("models", "import", str(source), "--yes").code == 0
    assert configured(home)["mine"]["context"] == 2048
