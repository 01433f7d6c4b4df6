"""`lodestar profile`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lodestar.paths import Home
from tests.cli.conftest import Cli


def test_the_list_marks_the_profile_in_force(cli: Cli, home: Home) -> None:
    home.config_file.write_text("profile: frugal\n")
    rows = {row[1]: row[0] for row in cli("profile").rows}
    assert rows["frugal"] == "*"
    assert rows["default"] == ""


def test_show_prints_what_a_profile_sets(cli: Cli) -> None:
    rows = dict(cli("profile", "show", "frugal").rows)
    assert rows["tier_ceiling"] == "2"
    assert rows["file"].endswith("frugal.yaml")


def test_show_as_json_names_the_profile(cli: Cli) -> None:
    envelope = json.loads(cli("profile", "show", "frugal", "--json").out)
    assert envelope["profile"] == "frugal"
    assert envelope["data"]["tier_ceiling"] == 2


def test_new_copies_a_profile_with_its_comments(cli: Cli, home: Home) -> None:
    folder = home.folder("profiles")
    (folder / "one.yaml").write_text("# why\nmain: demo\n")
    result = cli("profile", "new", "two", "--from", "one")
    assert result.out == f"{folder / 'two.yaml'}\n"
    assert (folder / "two.yaml").read_text() == "# why\nmain: demo\n"


@pytest.mark.parametrize("name", ["../evil", "a b", ""])
def test_new_refuses_a_name_that_is_not_one(cli: Cli, name: str) -> None:
    assert cli("profile", "new", name).code == 2


def test_new_never_overwrites(cli: Cli, home: Home) -> None:
    (home.folder("profiles") / "mine.yaml").write_text("main: demo\n")
    result = cli("profile", "new", "mine")
    assert result.code == 2
    assert (home.root / "profiles" / "mine.yaml").read_text() == "main: demo\n"


def test_use_changes_one_line_of_the_configuration(cli: Cli, home: Home) -> None:
    home.config_file.write_text("# mine\nprofile: default  # for now\nmain: demo\n")
    assert cli("profile", "use", "frugal").code == 0
    assert home.config_file.read_text() == "# mine\nprofile: frugal  # for now\nmain: demo\n"


def test_use_refuses_a_profile_that_would_not_work(cli: Cli, home: Home) -> None:
    (home.folder("profiles") / "mine.yaml").write_text("main: nobody\n")
    result = cli("profile", "use", "mine")
    assert result.code == 2
    assert "`nobody`" in result.error[0]
    assert not home.config_file.exists()


def test_use_suggests_the_nearest_name(cli: Cli) -> None:
    assert cli("profile", "use", "fugal").error[2] == "do:    did you mean `frugal`?"


def test_use_says_when_a_projects_file_wins_here(cli: Cli, home: Home) -> None:
    (home.folder("profiles") / "mine.yaml").write_text("main: demo\n")
    Path(".lodestar.yaml").write_text("profile: mine\n")
    result = cli("profile", "use", "default")
    assert result.code == 0
    assert ".lodestar.yaml:1" in result.err
