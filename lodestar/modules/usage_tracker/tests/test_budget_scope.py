"""Which budgets a command of `lodestar budget` is about."""

from __future__ import annotations

import os
from pathlib import Path

from lodestar.modules.usage_tracker.tests.budget_cli import UNDO, data, ledger, spent
from lodestar.paths import Home
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.cli.conftest import Cli, cli, home

__all__ = ["cli", "home", "ledger"]


def test_a_project_is_the_repository_around_the_folder_however_it_is_named(
    cli: Cli, tmp_path: Path, home: Home
) -> None:
    root = tmp_path / "shop"
    (root / ".git").mkdir(parents=True)
    (root / "deep").mkdir()
    (tmp_path / "link").symlink_to(root)
    for number, name in enumerate((root, root / "deep", tmp_path / "link" / "deep")):
        cli("budget", "set", "--daily", str(number + 1), "--project", str(name))
    (row,) = data(cli("budget", "show", "--json"), "budget")
    assert (row["project"], row["limit"]) == (str(root), "3.00")


def test_a_session_counts_against_the_budget_of_its_project(
    cli: Cli, home: Home, ledger: Store
) -> None:
    """The project's row is that of `lodestar code`, also where the budget came first."""
    here, away = Path.cwd(), Path.cwd().parent
    cli("budget", "set", "--daily", "1", "--project", ".")
    cli("budget", "set", "--daily", "2", "--project", str(away))
    start_session(ledger, home, Session("S1", here, "default", None, os.getpid()))
    spent(ledger)
    rows = data(cli("budget", "show", "--json"), "budget")
    assert {row["project"]: row["spent"] for row in rows} == {
        str(here): "0.01359",
        str(away): "0.00",
    }


def test_a_deleted_projects_budget_can_be_removed(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    cli("budget", "set", "--daily", "1", "--project", str(tmp_path / "gone"))
    (tmp_path / "gone").rmdir()
    done = cli("budget", "remove", "--daily", "--project", str(tmp_path / "gone"))
    assert done.err.startswith(f"day in {tmp_path}/gone: $1.00 -> none")


def test_looking_at_a_project_without_a_budget_leaves_no_trace(cli: Cli, ledger: Store) -> None:
    cli("budget", "set", "--daily", "1")
    assert cli("budget", "check", "--project", ".").code == 0
    assert cli("budget", "raise", "1", "--project", ".").code == 2
    assert not ledger.rows("SELECT * FROM projects")


def test_a_raise_goes_to_all_windows_of_its_scope_but_not_to_the_price_of_a_call(cli: Cli) -> None:
    cli("budget", "set", "--session", "1", "--daily", "2", "--ask-above", "0.10")
    cli("budget", "set", "--daily", "5", "--model", "claude-sonnet")
    done = cli("budget", "raise", "0.5")
    assert [line.partition(" until")[0] for line in done.err.splitlines()[:-1]] == [
        "session: $1.00 -> $1.50",
        "day: $2.00 -> $2.50",
    ]
    assert "one call: $0.10 -> $0.15 until" in cli("budget", "raise", ".05", "--call").err
    done = cli("budget", "raise", "1", "--model", "claude-sonnet")
    assert done.err.startswith("day for claude-sonnet: $5.00 -> $6.00 until")
    assert "no budget to raise (week)" in cli("budget", "raise", "1", "--weekly").error[0]


def test_a_raise_says_which_setting_it_cannot_lift(cli: Cli, home: Home) -> None:
    home.config_file.write_text("limits:\n  daily_usd: 2\n")
    done = cli("budget", "raise", "1")
    assert "`limits.daily_usd` of the settings, which a raise cannot lift" in done.error[1]
    assert done.error[2].endswith(f"{home.config_file}:2")
    cli("budget", "set", "--daily", "1.50")
    done = cli("budget", "raise", "1")
    assert f"`limits.daily_usd` ({home.config_file}:2) still ends it at $2.00" in done.err


def test_remove_all_takes_everything_or_all_of_one_scope(cli: Cli) -> None:
    def fill() -> None:
        cli("budget", "set", "--daily", "2")
        cli("budget", "set", "--daily", "20k", "--tokens")
        cli("budget", "set", "--daily", "1", "--model", "claude-sonnet")

    fill()
    done = cli("budget", "remove", "--all", "--model", "claude-sonnet")
    assert done.err == f"day for claude-sonnet: $1.00 -> none\n{UNDO}\n"
    fill()
    assert len(cli("budget", "remove", "--all").err.splitlines()) == 4
    assert data(cli("budget", "show", "--json"), "budget") == []
    cli("budget", "undo")
    assert len(data(cli("budget", "show", "--json"), "budget")) == 3
