"""Editing config.yaml: the entry changes, every other character stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lodestar.editing import remove_value, set_value
from lodestar.errors import UsageError

ENTRY = {"provider": "openai", "model": "m-1", "api_base": "http://h/v1", "billing": "free"}
ENTRY_TEXT = "provider: openai\n    model: m-1\n    api_base: http://h/v1\n    billing: free"
COMMENTED = f"""# my configuration

main: old  # the everyday one

models:
  # the first
  one:  # here
    {ENTRY_TEXT}
  # the second
  "two.5":
    {ENTRY_TEXT}

# at the end
timezone: Europe/Berlin
"""


def edited(path: Path, text: str, *keys: str, value: object) -> str:
    path.write_bytes(text.encode())
    set_value(path, keys, value)
    return path.read_bytes().decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def test_a_missing_file_is_made_private(path: Path) -> None:
    set_value(path, ["profile"], "frugal")
    assert path.read_text() == "profile: frugal\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_scalar_keeps_the_comment_beside_it(path: Path) -> None:
    assert edited(path, COMMENTED, "main", value="new") == COMMENTED.replace(
        "main: old ", "main: new "
    )


def test_a_new_entry_goes_below_the_last_of_its_section(path: Path) -> None:
    text = edited(path, COMMENTED, "models", "three", value=ENTRY)
    before, after = COMMENTED.split("\n\n# at the end")
    assert text == f"{before}\n  three:\n    {ENTRY_TEXT}\n\n# at the end{after}"


def test_an_entry_is_replaced_between_its_neighbours_comments(path: Path) -> None:
    text = edited(path, COMMENTED, "models", "one", value={**ENTRY, "model": "m-2"})
    assert text == COMMENTED.replace("  one:  # here", "  one:").replace("m-1", "m-2", 1)


def test_a_quoted_name_with_a_dot_is_found(path: Path) -> None:
    text = edited(path, COMMENTED, "models", "two.5", value={**ENTRY, "tier": 2})
    assert yaml.safe_load(text)["models"]["two.5"]["tier"] == 2
    assert text.count("two.5") == 1


def test_a_new_section_goes_to_the_end_of_the_entries(path: Path) -> None:
    text = edited(path, COMMENTED, "limits", "session_minutes", value=5)
    assert text == COMMENTED + "limits:\n  session_minutes: 5\n"


def test_removing_takes_the_entry_and_nothing_else(path: Path) -> None:
    path.write_text(COMMENTED)
    assert remove_value(path, ["models", "one"])
    entry = f"  one:  # here\n    {ENTRY_TEXT}\n"
    assert path.read_text() == COMMENTED.replace(entry, "")


def test_removing_the_last_entry_removes_its_section(path: Path) -> None:
    path.write_text(f"main: x\nmodels:\n  one:\n    {ENTRY_TEXT}\n# end\n")
    assert remove_value(path, ["models", "one"])
    assert path.read_text() == "main: x\n# end\n"


def test_removing_what_is_not_there_changes_nothing(path: Path) -> None:
    path.write_text(COMMENTED)
    assert not remove_value(path, ["models", "four"])
    assert path.read_text() == COMMENTED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "main: x",
        "---\nmain: x\n",
        "main: x\r\nweak: x\r\n",
        "\ufeffmain: x\n",
        "models: {}\n",
        "models: {one: {provider: engine, model: m, billing: local}}  # flow\nmain: x\n",
        "models:\n\n  x:\n    provider: engine\n    model: >-\n        m\n    billing: local\n",
    ],
)
def test_any_way_of_writing_is_edited_rightly(path: Path, text: str) -> None:
    result = edited(path, text, "models", "mine", value=ENTRY)
    before = yaml.safe_load(text) or {}
    assert yaml.safe_load(result) == {
        **before,
        "models": {**(before.get("models") or {}), "mine": ENTRY},
    }
    assert ("\r\n" in text) == ("\r\n" in result)
    set_value(path, ["models", "mine"], {**ENTRY, "tier": 2})
    assert remove_value(path, ["models", "mine"])
    left = yaml.safe_load(path.read_text("utf-8")) or {}
    assert left == {key: value for key, value in before.items() if value}


@pytest.mark.parametrize(
    "text",
    [
        "{main: x}\n",
        "main: x\nmain: y\n",
        "main: x\n...\n# end\n",
        "weak: &a y\nmain: *a\n",
        "? weak\n: y\n",
    ],
)
def test_an_edit_is_right_or_refused(path: Path, text: str) -> None:
    path.write_text(text)
    try:
        set_value(path, ["weak"], "z")
    except UsageError:
        assert path.read_text() == text
    else:
        assert yaml.safe_load(path.read_text()) == {**yaml.safe_load(text), "weak": "z"}


def test_a_result_that_is_not_valid_is_refused(path: Path) -> None:
    path.write_text("mian: x\n")
    with pytest.raises(UsageError, match="unknown key `mian`"):
        set_value(path, ["main"], "y")
    assert path.read_text() == "mian: x\n"


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.yaml"
    real.write_text("main: x\n")
    path.symlink_to(real)
    set_value(path, ["main"], "y")
    assert path.is_symlink()
    assert real.read_text() == "main: y\n"
