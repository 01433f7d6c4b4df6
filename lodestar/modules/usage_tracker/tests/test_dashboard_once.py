"""`lodestar dashboard --once`: a tab as plain text."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from lodestar.modules.usage_tracker.dashboard.tabs import TABS
from lodestar.modules.usage_tracker.tests.budget_cli import ledger
from lodestar.modules.usage_tracker.tests.dashboard_ledger import EVIL_SHOWN, used
from lodestar.paths import Home
from lodestar.store.store import Store
from tests.cli.conftest import Cli, cli, home, program

__all__ = ["cli", "home", "ledger", "program", "used"]
PLAIN = re.compile(r"[\x20-\x7e\n]*")


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("period", ["today", "all"])
def test_every_tab_prints_on_an_empty_ledger(cli: Cli, home: Home, tab: str, period: str) -> None:
    shown = cli("dashboard", tab, "--once", "--period", period)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines()[0] == tab.capitalize()
    assert PLAIN.fullmatch(shown.out)
    assert "Total" not in shown.out


@pytest.mark.parametrize("tab", TABS)
def test_without_a_terminal_a_tab_is_printed_as_plain_text(cli: Cli, used: str, tab: str) -> None:
    shown = cli("dashboard", tab)
    assert shown.code == 0
    assert PLAIN.fullmatch(shown.out)


@pytest.mark.parametrize(
    "environ", [{"TERM": "dumb"}, {"CI": "1"}, {"NO_COLOR": "1"}, {"COLUMNS": "40"}]
)
def test_it_ends_at_once_whatever_there_is_no_terminal_for(
    program: Cli, home: Home, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    monkeypatch.delenv("LODESTAR_NO_INPUT")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    shown = program("dashboard")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("Now\n")


def test_now_shows_the_session_todays_figures_and_the_newest_exchanges(
    cli: Cli, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = cli("dashboard", "--once").out
    assert f"{EVIL_SHOWN} (feat/[/][@click=app.quit]b), client=[b]acme, profile default" in out
    assert "PAID claude-sonnet" in out or "FREE local-coder" in out
    assert "| 9 calls | 10.8k in, 2.7k out | $0.15 cash" in out
    assert re.search(r"last hour: \$0\.10 for 2 paid calls", out)
    assert "last paid just now: $0.05, claude-sonnet: you [b]asked" in out
    assert len(re.findall(r"edit  (?:claude-sonnet|local-coder)", out)) == 9


def test_its_figures_are_those_of_usage(cli: Cli, used: str) -> None:
    totals = json.loads(cli("usage", "week", "--json").out)["totals"]
    for tab in ("models", "projects", "trends"):
        total = cli("dashboard", "--once", tab).out.split("\nTotal")[1].splitlines()[0].split()
        assert total[:2] == [str(totals["calls"]), "67%"]
        assert f"${float(totals['cash_usd']):.2f}" in total
        assert f"${float(totals['avoided_usd']):.2f}" in total
        assert "100%" in total


def test_a_filter_leaves_what_it_names(cli: Cli, used: str) -> None:
    out = cli("dashboard", "--once", "models", "--filter", "sonnet").out
    assert "0% of 3 calls were free; $0.15 for 3 paid calls" in out
    assert "local-coder" not in out
    by_branch = cli("dashboard", "--once", "now", "--filter", "branch=feat local").out
    assert "100% free" in by_branch
    assert "claude" not in by_branch


def test_a_filter_that_is_nothing_or_two_things_says_what_there_is(cli: Cli, used: str) -> None:
    nothing = cli("dashboard", "--once", "--filter", "nowhere")
    assert nothing.code == 2
    assert nothing.error[0] == ("error: no project, model, branch or tag has `nowhere` in its name")
    several = cli("dashboard", "--once", "--filter", "o")
    assert several.code == 2
    assert "may be project=[bold red]evil[-] proj, model=" in several.err


def test_nothing_is_projected_without_enough_data(cli: Cli, used: str, ledger: Store) -> None:
    cli("budget", "set", "--daily", "2")
    out = cli("dashboard", "--once", "budgets").out
    assert "day  [=" in out
    assert "too little was spent in this time to say how long it lasts" in out
    assert "at this pace" not in out
    assert "this month: too little was spent to say more" in out


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["elsewhere"], "there is no tab `elsewhere`"),
        (["--period", "never"], "`never` is no period here"),
        (["--port", "80"], "--port and --no-browser belong to --web"),
        (["--web", "--once"], "--web shows all on one page"),
    ],
)
def test_what_it_does_not_know_is_refused(
    cli: Cli, home: Home, arguments: list[str], what: str
) -> None:
    refused = cli("dashboard", *arguments)
    assert refused.code == 2
    assert refused.error[0] == f"error: {what}"


def test_a_ledger_that_cannot_be_used_is_said_in_three_lines(
    cli: Cli, used: str, home: Home, ledger: Store
) -> None:
    ledger.close()
    for file in home.root.glob("usage.db-*"):
        file.unlink()
    os.truncate(home.database, 5000)
    refused = cli("dashboard", "--once")
    assert refused.code == 7
    assert len(refused.error) == 3


def test_the_command_line_loads_no_textual(program: Cli, home: Home, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom lodestar.cli.main import run\n"
        "code = run(['--help']) or run(['dashboard', '--help']) or run(['dashboard', '--once'])\n"
        "bad = {'textual', 'pygal', 'aiohttp'} & set(sys.modules)\n"
        "sys.exit(f'{code} {bad}' if code or bad else 0)\n"
    )
    done = program(script=script)
    assert done.code == 0, done.err
