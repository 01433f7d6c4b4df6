"""`lodestar budget` as a user meets it."""

from __future__ import annotations

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from lodestar.modules.usage_tracker.tests.budget_cli import UNDO, data, ledger, shown
from lodestar.paths import Home
from tests.cli.conftest import Cli, cli, home, program

__all__ = ["cli", "home", "ledger", "program"]


def test_the_main_path_as_a_program(program: Cli) -> None:
    limits = ("--session", "1", "--daily", "2", "--weekly", "$10", "--monthly", "30")
    done = program("budget", "set", *limits)
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == [
        "session: none -> $1.00, at the limit: downgrade",
        "day: none -> $2.00, at the limit: downgrade",
        "week: none -> $10.00, at the limit: downgrade",
        "month: none -> $30.00, at the limit: downgrade",
        UNDO,
    ]
    done = program("budget", "raise", "1", "--until", "2h", "--reason", "release day", "--daily")
    assert done.err.startswith("day: $2.00 -> $3.00 until ")
    check = program("budget", "check")
    assert (check.code, check.out) == (0, "room left: $3.00 of $3.00 (day)\n")
    rows = program("budget", "history").rows
    assert re.fullmatch(r"raise \$1\.00 until \d{4}-\d\d-\d\d \d\d:\d\d", rows[0][4])
    assert (rows[0][3], rows[0][5:]) == ("day", ["release day", "in force"])
    assert (rows[1][3], rows[1][4:]) == ("month", ["set $30.00", "", "in force"])
    done = program("budget", "undo")
    assert done.err.splitlines() == [
        "day: $3.00 -> $2.00",
        "undone; the other way again: lodestar budget undo",
    ]
    assert [row[:5] for row in program("budget").rows][1] == ["day", "usd", "", "", "2.00"]


def test_a_new_amount_is_told_beside_the_old_one_and_keeps_the_policy(cli: Cli) -> None:
    cli("budget", "set", "--daily", "2", "--on-limit", "stop")
    assert cli("budget", "set", "--daily", "3").err == f"day: $2.00 -> $3.00\n{UNDO}\n"
    assert shown(cli)["day"]["on_limit"] == "stop"
    assert cli("budget", "set", "--daily", "3.0").err == "nothing changed\n"


def test_a_policy_alone_goes_to_the_limits_that_are_there(cli: Cli) -> None:
    cli("budget", "set", "--daily", "2", "--weekly", "9", "--ask-above", "0.10")
    done = cli("budget", "set", "--on-limit", "stop")
    assert done.err.splitlines()[:2] == [
        "day: $2.00 -> $2.00, at the limit: stop",
        "week: $9.00 -> $9.00, at the limit: stop",
    ]
    assert shown(cli)["call"]["on_limit"] == "ask"
    refused = cli("budget", "set", "--on-limit", "ask", "--tokens")
    assert refused.code == 2
    assert "no budget to change" in refused.error[0]


def test_zero_closes_paid_models_and_says_so(cli: Cli) -> None:
    done = cli("budget", "set", "--monthly", "0")
    assert "month: none -> $0.00, at the limit: downgrade; paid models are closed" in done.err
    assert cli("budget", "check").code == 3


REFUSED: list[tuple[str, ...]] = [
    ("set", "--daily", "-1"),
    ("set", "--daily", "nan"),
    ("set", "--weekly", "1e9"),
    ("set", "--session", "9999999"),
    ("set", "--daily", "0.0000000001"),
    ("set", "--daily", "2", "--model", "claude-sonet"),
    ("set", "--daily", "2", "--project", "no/such/folder"),
    ("set", "--daily", "200k"),
    ("set", "--tokens", "--daily", "$2"),
    ("set", "--tokens", "--ask-above", "0.10"),
    ("set", "--daily", "2", "--on-limit", "explode"),
    ("set", "--ask-above", "0.1", "--on-limit", "stop"),
    ("set",),
    ("raise", "1"),
    ("raise", "0"),
    ("raise", "1", "--until", "yesterday"),
    ("remove",),
    ("remove", "--daily"),
    ("remove", "--all"),
    ("undo",),
    ("undo", "abc"),
]


def test_what_cannot_be_done_is_said_in_lines_that_help_and_changes_nothing(cli: Cli) -> None:
    for arguments in REFUSED:
        done = cli("budget", *arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert done.error[0].startswith("error: "), arguments
        assert done.error[-1].startswith("do:   "), arguments
    assert data(cli("budget", "history", "--json"), "budget-history") == []


def test_an_unknown_model_is_answered_with_the_nearest(cli: Cli) -> None:
    done = cli("budget", "set", "--daily", "2", "--model", "claude-sonet")
    assert done.error[2] == "do:    did you mean `claude-sonnet`?"


def test_tokens_have_limits_of_their_own(cli: Cli) -> None:
    cli("budget", "set", "--daily", "2")
    cli("budget", "set", "--tokens", "--daily", "1.5M")
    rows = data(cli("budget", "show", "--json"), "budget")
    assert [(row["unit"], row["limit"]) for row in rows] == [("tokens", 1_500_000), ("usd", "2.00")]
    assert (
        "day: 1,500,000 tokens -> 1,700,000 tokens"
        in cli("budget", "raise", "--tokens", "200k").err
    )
    cli("budget", "remove", "--tokens", "--daily")
    assert [row["unit"] for row in data(cli("budget", "show", "--json"), "budget")] == ["usd"]


def test_the_history_says_who_changed_what_when_and_why_and_what_became_of_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "a-key-that-is-known")
    cli("budget", "set", "--daily", "2")
    cli("budget", "set", "--daily", "3")
    cli("budget", "raise", "1", "--reason", "for\na-key-that-is-known  and more")
    cli("budget", "undo")
    rows = data(cli("budget", "history", "--json"), "budget-history")
    assert [(row["action"], row["state"]) for row in rows] == [
        ("undo", None),
        ("raise", "undone"),
        ("set", "in force"),
        ("set", "replaced"),
    ]
    assert rows[0]["undoes"] == rows[1]["id"]
    assert "a-key-that-is-known" not in rows[1]["reason"]
    assert rows[1]["reason"].startswith("for ")
    assert rows[1]["reason"].endswith(" and more")
    assert all("@" in row["who"] and row["who"].endswith("(cli)") for row in rows)
    assert len(cli("budget", "history", "--limit", "2").rows) == 2


def test_a_users_name_in_the_environment_is_not_believed(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    cli("budget", "set", "--daily", "2")
    (row,) = data(cli("budget", "history", "--json"), "budget-history")
    assert "somebody-else" not in row["who"]


def test_two_commands_at_once_lose_nothing(program: Cli, home: Home) -> None:
    windows = ("--daily", "--weekly")
    with ThreadPoolExecutor() as pool:
        codes = list(pool.map(lambda w: program("budget", "set", w, "2").code, windows))
    assert codes == [0] * 2
    with sqlite3.connect(home.database) as connection:
        rows = connection.execute("SELECT time_window, active FROM budgets").fetchall()
    assert sorted(rows) == [("day", 1), ("week", 1)]


def test_the_command_loads_nothing_heavy(program: Cli) -> None:
    script = (
        "import sys\n"
        "from lodestar.cli.main import run\n"
        "code = run(['budget', 'check'])\n"
        "heavy = ('aider', 'litellm', 'aiohttp', 'llama_cpp', 'keyring', 'rich.table')\n"
        "print(code, [name for name in heavy if name in sys.modules])"
    )
    assert program(script=script).out.splitlines()[-1] == "0 []"
