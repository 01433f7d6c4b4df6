"""The program as a whole: its first page, its help, its failures."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer

from lodestar import __version__
from lodestar.cli.failure import exit_code, logging_to
from lodestar.cli.main import build_app
from lodestar.errors import LedgerError
from lodestar.paths import Home
from lodestar.settings import Settings
from tests.cli.conftest import Cli

HEAVY = (
    *("aider", "litellm", "torch", "llama_cpp", "aiohttp"),
    *("sqlite_utils", "questionary", "huggingface_hub", "httpx"),
)


def test_alone_it_says_where_you_are_and_what_to_do_next(cli: Cli) -> None:
    result = cli()
    assert result.code == 0
    words = dict(line.split(None, 1) for line in result.out.splitlines()[1:])
    assert words["project"].startswith("somewhere (")
    assert words["profile"] == "default (default)"
    assert "demo model on this machine, free" in words["model"]
    assert words["next"].startswith("git init")


def test_in_a_repository_the_next_step_is_to_code(cli: Cli) -> None:
    Path(".git").mkdir()
    assert "next     lodestar code\n" in cli().out


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_groups_the_commands(cli: Cli, flag: str) -> None:
    result = cli(flag)
    assert result.code == 0
    assert all(f" {panel} " in result.out for panel in ("Work", "Models", "Health"))


def test_version_is_printed_to_stdout(cli: Cli) -> None:
    assert cli("--version").out == f"lodestar {__version__}\n"


def test_help_imports_nothing_heavy(program: Cli) -> None:
    result = program(
        script="import sys; from lodestar.cli.main import run; code = run(['--help']);"
        f"print([m for m in {HEAVY!r} if m in sys.modules], code)"
    )
    assert result.out.splitlines()[-1] == "[] 0"


def test_a_mistyped_command_is_two_lines_and_exit_2(cli: Cli) -> None:
    result = cli("cofnig")
    assert result.code == 2
    assert result.error[0] == "error: No such command 'cofnig'."
    assert "'config'" in result.error[1]
    assert result.error[2] == "do:    see: lodestar --help"


def test_an_unknown_option_names_the_commands_help(cli: Cli) -> None:
    result = cli("models", "list", "--bogus")
    assert result.code == 2
    assert result.error[-1] == "do:    see: lodestar models list --help"


@pytest.mark.parametrize("arguments", [("--help",), ("config", "path"), ("config", "--help")])
def test_a_broken_configuration_does_not_hide_the_way_out(
    cli: Cli, home: Home, arguments: tuple[str, ...]
) -> None:
    home.config_file.write_text("mian: local-coder\n")
    assert cli(*arguments).code == 0


def test_a_broken_configuration_stops_other_commands_with_three_lines(cli: Cli, home: Home) -> None:
    home.config_file.write_text("# mine\nmian: local-coder\n")
    result = cli("models")
    assert result.code == 2
    assert result.error[0] == f"error: {home.config_file}:2: unknown key `mian`"
    assert result.error[2] == "do:    did you mean `main`?"


def test_an_impossible_home_is_an_error_and_help_still_works(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LODESTAR_HOME", str(tmp_path / "file" / "home"))
    assert cli("--help").code == 0
    assert cli("log").error[0].startswith("error: cannot use ")


@pytest.mark.parametrize("command", [(), ("code",), ("doctor",), ("config", "path")])
def test_a_deleted_current_folder_is_named_as_what_is_wrong(
    command: tuple[str, ...], cli: Cli
) -> None:
    Path.cwd().rmdir()
    result = cli(*command)
    assert (result.code, result.out) == (1, "")
    assert result.error == [
        "error: the current folder does not exist any more",
        "why:   it was deleted or replaced",
        "do:    change to another: cd",
    ]


def test_an_expected_failure_brings_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise LedgerError("the \x1b[31mdatabase is locked", "busy", "wait")

    assert exit_code(fail, {}) == 7
    assert capsys.readouterr().err == "error: the database is locked\nwhy:   busy\ndo:    wait\n"


def test_an_unexpected_failure_is_three_lines_and_a_traceback_in_the_log(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise ZeroDivisionError("by\nzero")

    assert exit_code(fail, os.environ) == 1
    lines = capsys.readouterr().err.splitlines()
    log = home.root / "logs" / "cli.log"
    assert lines[0] == "error: internal error: ZeroDivisionError: by zero"
    assert len(lines) == 3
    assert str(log) in lines[2]
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_no_key_of_the_environment_is_in_a_failure_or_its_traceback(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "canary/key+4711"
    monkeypatch.setenv("SOME_API_KEY", key)
    monkeypatch.setenv("LODESTAR_DEBUG", "1")

    def fail() -> int:
        held = {"Authorization": key}
        try:
            raise ValueError(f"refused: {held}")
        except ValueError as error:
            logging.getLogger("lodestar").warning("not sent: %s", held, exc_info=True)
            raise KeyError(key) from error

    with logging_to(os.environ):
        assert exit_code(fail, os.environ) == 1
    shown = capsys.readouterr().err
    log = (home.root / "logs" / "cli.log").read_text()
    for text in (shown, log):
        assert text.count("Traceback") >= 2
        assert "[REDACTED:known]" in text
        assert key not in text


def test_the_debug_switch_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise ZeroDivisionError("by zero")

    exit_code(fail, {"LODESTAR_DEBUG": "1", "LODESTAR_HOME": os.environ["LODESTAR_HOME"]})
    assert "Traceback" in capsys.readouterr().err


def test_a_log_that_cannot_be_written_adds_no_noise(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    (home.root / "logs").write_text("in the way")

    def fail() -> int:
        raise ZeroDivisionError("by zero")

    assert exit_code(fail, os.environ) == 1
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_an_interrupt_is_130() -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert exit_code(interrupted, {}) == 130


def test_a_warning_is_shown_once_and_its_traceback_kept(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_to(os.environ):
        for _ in range(2):
            logging.getLogger("lodestar.plugins").warning("module x is left out")
    assert capsys.readouterr().err == "warning: module x is left out\n"
    assert (home.root / "logs" / "cli.log").read_text().count("module x is left out") == 2


def test_a_reader_that_leaves_early_causes_no_noise(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lodestar", "config", "show"],
        cwd=tmp_path,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        noise = process.stderr.read()
    assert "Broken" not in noise
    assert "Traceback" not in noise
    assert "error" not in noise


@pytest.mark.parametrize("group", ["config", "profile", "models", "log"])
def test_a_group_alone_answers_as_its_default_command_does(cli: Cli, group: str) -> None:
    result = cli(group, "--json")
    assert result.code == 0
    envelope = json.loads(result.out)
    assert envelope["schema"].startswith("lodestar.")
    assert "data" in envelope


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        (["--model", "x", "--profile", "p", "-m", "hi there"], ["--model", "x", "-m", "hi there"]),
        (["-mhello", "a b.py", "--message=-h", "-h"], ["-mhello", "a b.py", "--message=-h", "-h"]),
        (["a.py", "--", "--profile", "p"], ["a.py", "--profile", "p"]),
    ],
)
def test_what_code_does_not_know_goes_to_aider_as_it_is(
    given: list[str], passed_on: list[str]
) -> None:
    root = typer.main.get_command(build_app(Settings()))
    assert isinstance(root, click.Group)
    parent = click.Context(root, help_option_names=["-h", "--help"])
    assert root.commands["code"].make_context("code", list(given), parent=parent).args == passed_on


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_code_has_help_of_its_own(cli: Cli, flag: str) -> None:
    result = cli("code", flag)
    assert result.code == 0
    assert "AIDER'S ARGUMENTS" in result.out


def test_a_group_without_a_default_prints_its_help(cli: Cli) -> None:
    result = cli("shim")
    assert result.code == 0
    assert "serve" in result.out
