"""`lodestar config`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lodestar.paths import Home
from tests.cli.conftest import Cli


def test_show_names_the_origin_of_each_value(
    cli: Cli, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.config_file.write_text("timezone: Europe/Berlin\n")
    monkeypatch.setenv("LODESTAR_RATING__TIMEOUT_S", "7")
    rows = {row[0]: row[1:] for row in cli("config", "show", "--origin").rows}
    assert rows["timezone"] == ["Europe/Berlin", f"{home.config_file}:1"]
    assert rows["rating.timeout_s"] == ["7", "$LODESTAR_RATING__TIMEOUT_S"]
    assert rows["log.text"] == ["redacted", "default"]


def test_show_as_json_holds_value_and_origin(cli: Cli) -> None:
    envelope = json.loads(cli("config", "show", "--json").out)
    assert envelope["schema"] == "lodestar.config/1"
    assert envelope["data"]["allow_unmetered"] == {"value": False, "origin": "default"}


def test_validate_lists_the_files_that_are_right(cli: Cli, home: Home) -> None:
    home.config_file.write_text("main: demo\n")
    result = cli("config", "validate")
    assert result.code == 0
    assert f"{home.config_file}: ok" in result.out
    assert "frugal.yaml: ok" in result.out


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        ("config.yaml", "limits: {session_minutes: 0}", "`limits.session_minutes` is not valid"),
        ("config.yaml", "main: nobody", "there is no model called `nobody`"),
        ("config.yaml", "a: [", "cannot read"),
        ("profiles/mine.yaml", "models: {}", "a profile cannot set `models`"),
        ("profiles/mine.yaml", "main: nobody", "there is no model called `nobody`"),
    ],
)
def test_validate_stops_at_a_mistake_in_any_file(
    cli: Cli, home: Home, file: str, text: str, what: str
) -> None:
    home.folder("profiles")
    (home.root / file).write_text(text)
    result = cli("config", "validate")
    assert result.code == 2
    assert what in result.error[0]
    assert len(result.error) == 3


def test_validate_says_what_of_a_projects_file_is_left_out(cli: Cli) -> None:
    Path(".lodestar.yaml").write_text("models: {}\n")
    result = cli("config", "validate")
    assert result.code == 2
    assert "`models` is ignored" in result.error[0]


def test_path_prints_one_place_or_all_of_them(cli: Cli, home: Home) -> None:
    assert cli("config", "path").out == f"{home.config_file}\n"
    places = dict(line.split("\t") for line in cli("config", "path", "--all").out.splitlines())
    assert places["database"] == str(home.database)
    assert places["socket"].endswith("engine.sock")


def test_set_and_unset_leave_the_rest_of_the_file(cli: Cli, home: Home) -> None:
    home.config_file.write_text("# mine\nmain: demo  # for now\n")
    assert cli("config", "set", "limits.session_minutes", "30").code == 0
    assert home.config_file.read_text() == (
        "# mine\nmain: demo  # for now\nlimits:\n  session_minutes: 30\n"
    )
    assert cli("config", "unset", "limits.session_minutes").code == 0
    assert home.config_file.read_text() == "# mine\nmain: demo  # for now\n"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("set", "limits.session_minutes", "soon"), "`limits.session_minutes` is not valid"),
        (("set", "limitz", "1"), "unknown key `limitz`"),
        (("set", "main", "nobody"), "there is no model called `nobody`"),
        (("set", "profile", "nobody"), "there is no profile called `nobody`"),
        (("set", "main", "["), "the value cannot be read"),
        (("set", "models.x.tier", "1"), "`config` does not change models"),
        (("unset", "main"), "`main` is not set"),
    ],
)
def test_a_wrong_change_is_refused_and_changes_nothing(
    cli: Cli, home: Home, arguments: tuple[str, ...], what: str
) -> None:
    home.config_file.write_text("weak: demo\n")
    result = cli("config", *arguments)
    assert result.code == 2
    assert what in result.error[0]
    assert home.config_file.read_text() == "weak: demo\n"


def test_an_address_that_no_ollama_can_have_is_refused_at_once(cli: Cli, home: Home) -> None:
    for url in ("ftp://x", "http://", "http://h:port", "http://h?a=b", "http://u:p@h"):
        refused = cli("config", "set", "ollama.url", url)
        assert refused.code == 2, url
        assert "`ollama.url` is not valid" in refused.error[0], url
    for url in ("http://192.168.0.10:11434", "https://h/ollama", "h:11434", "none"):
        assert cli("config", "set", "ollama.url", url).code == 0, url
