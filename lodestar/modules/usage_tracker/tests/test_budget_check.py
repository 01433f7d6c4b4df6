"""What `lodestar budget check` and `show` see."""

from __future__ import annotations

import json
import os
from pathlib import Path

from lodestar.clock import now_ms
from lodestar.modules.usage_tracker.tests.budget_cli import data, ledger, shown, spent
from lodestar.paths import Home
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.cli.conftest import Cli, cli, home, program

__all__ = ["cli", "home", "ledger", "program"]


def test_check_tells_room_limit_and_a_ledger_that_cannot_be_used_apart(
    cli: Cli, home: Home, ledger: Store
) -> None:
    home.config_file.write_text("timezone: Europe/Berlin\n")
    assert (cli("budget", "check").code, cli("budget", "check").out) == (
        0,
        "room left: there is no limit\n",
    )
    cli("budget", "set", "--daily", "0.0135", "--monthly", "0.02")
    spent(ledger)
    done = cli("budget", "check")
    assert (done.code, len(done.out.splitlines())) == (3, 1)
    assert done.out.startswith("at the limit: day: $0.0136 of $0.0135 spent; resets at 00:00 (in ")
    found = data(cli("budget", "check", "--json"), "budget-check")
    assert found["room"] is False
    assert [one["window"] for one in found["at_limit"]] == ["day"]
    assert len(found["limits"]) == 2
    cli("budget", "raise", "1", "--daily")
    done = cli("budget", "check")
    assert (done.code, done.out) == (0, "room left: $0.0064 of $0.02 (month)\n")
    with ledger.write() as connection:
        connection.execute("DROP TABLE budgets")
    done = cli("budget", "check")
    assert (done.code, done.out) == (7, "")
    assert done.error[0] == "error: the ledger cannot be used"


def test_check_names_the_least_that_is_left_of_dollars_and_of_tokens(cli: Cli, home: Home) -> None:
    home.config_file.write_text("limits: {daily_usd: 2}\n")
    cli("budget", "set", "--weekly", "5")
    cli("budget", "set", "--daily", "200k", "--tokens")
    assert cli("budget", "check").out == (
        "room left: $2.00 of $2.00 (day); 200,000 tokens of 200,000 tokens (day)\n"
    )


def test_a_damaged_database_is_a_ledger_that_cannot_be_used(program: Cli, home: Home) -> None:
    home.database.write_bytes(b"not a database" * 1000)
    for command in ("check", "show", "history", "undo"):
        done = program("budget", command)
        assert (done.code, done.out) == (7, ""), command
        assert done.error[0].startswith("error: "), command


def test_check_looks_at_the_project_and_the_model_that_are_named(cli: Cli, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    cli("budget", "set", "--daily", "0", "--project", str(other))
    cli("budget", "set", "--daily", "0", "--model", "claude-sonnet", "--project", ".")
    assert cli("budget", "check").code == 0
    assert cli("budget", "check", "--project", str(other)).code == 3
    assert cli("budget", "check", "--model", "claude-sonnet").code == 3
    assert cli("budget", "check", "--model", "claude-sonnet", "--project", "/").code == 0
    free = cli("budget", "check", "--project", str(other), "--model", "local-coder")
    assert (free.code, free.out) == (0, "room left: this model is free\n")


def test_a_running_session_of_this_folder_is_what_session_limits_are_about(
    cli: Cli, home: Home, ledger: Store
) -> None:
    cli("budget", "set", "--session", "0.0135")
    start_session(ledger, home, Session("S1", Path.cwd(), "default", None, os.getpid()))
    spent(ledger, "S1")
    assert cli("budget", "check").code == 3
    start_session(ledger, home, Session("S2", Path.cwd().parent, "default", None, os.getpid()))
    start_session(ledger, home, Session("S3", Path.cwd(), "default", None, 2**22 - 1))
    assert shown(cli)["session"]["spent"] == "0.01359"
    ledger.row("SELECT 1")
    with ledger.write() as connection:
        connection.execute("UPDATE sessions SET ended_ms = 1 WHERE id = 'S1'")
    assert shown(cli)["session"]["spent"] == "0.00"
    assert cli("budget", "check").code == 0


def test_a_running_session_has_the_limits_that_it_was_started_with(
    cli: Cli, home: Home, ledger: Store
) -> None:
    """A flag is known to the session alone; without the session it is not there."""
    home.config_file.write_text("limits:\n  session_usd: 5\n  daily_usd: 7\n")
    own = {"session_usd": ("0.0135", "command line"), "on_limit": ("stop", "a profile")}
    started = Session("S1", Path.cwd(), "default", None, os.getpid(), limits=own)
    start_session(ledger, home, started)
    spent(ledger, "S1")
    seen = shown(cli)
    assert [seen["session"][name] for name in ("limit", "spent", "on_limit", "origin")] == [
        *("0.0135", "0.01359", "stop", "command line")
    ]
    assert seen["day"]["limit"] == "7.00"
    assert cli("budget", "check").code == 3
    with ledger.write() as connection:
        connection.execute("UPDATE sessions SET ended_ms = 1 WHERE id = 'S1'")
    assert (shown(cli)["session"]["limit"], cli("budget", "check").code) == ("5.00", 0)


def test_limits_of_the_settings_are_shown_with_where_they_are_set(cli: Cli, home: Home) -> None:
    home.config_file.write_text("limits:\n  daily_usd: 0.5\n  free_only: true\n")
    done = cli("budget", "show", "--json")
    assert json.loads(done.out)["free_only"] is True
    (row,) = data(done, "budget")
    assert (row["source"], row["origin"]) == ("limits.daily_usd", f"{home.config_file}:2")
    assert f"free only: paid models are closed (limits.free_only, {home.config_file}:3)" in done.err
    check = cli("budget", "check")
    assert (check.code, check.out) == (3, "free only: paid models are closed (limits.free_only)\n")
    assert cli("budget", "check", "--model", "local-coder").code == 0


def test_in_a_pipe_there_are_tabs_and_no_bars_and_without_limits_a_hint(cli: Cli) -> None:
    empty = cli("budget")
    assert empty.rows == []
    assert "set one: lodestar budget set --daily 2" in empty.err
    cli("budget", "set", "--daily", "2")
    done = cli("budget", "show")
    assert done.rows[0][:9] == ["day", "usd", "", "", "2.00", "0.00", "0.00", "2.00", "0"]
    assert "[" not in done.out


def ahead(ledger: Store, hours: float) -> None:
    """Leave the ledger's clock so far ahead of the system's."""
    with ledger.write() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO ledger_clock(one, high_water_ms, boot_id, boot_ms)"
            " VALUES (1, ?, '', 0)",
            (now_ms() + int(hours * 3_600_000),),
        )


def high_water(ledger: Store) -> int:
    row = ledger.row("SELECT high_water_ms FROM ledger_clock")
    assert row
    return int(row[0])


def test_after_a_clock_in_the_future_the_way_on_is_told_and_works(cli: Cli, ledger: Store) -> None:
    cli("budget", "set", "--daily", "2")
    ahead(ledger, 48)
    done = cli("budget", "check")
    assert (done.code, done.error[2]) == (
        7,
        "do:    set the clock; where it is right now: lodestar budget clock-reset",
    )
    assert "clock-reset" in cli("budget", "show").err
    done = cli("budget", "clock-reset")
    assert "paid models can be used again" in done.err
    assert "charges dated later than now count as of now, so nothing that was spent" in done.err
    assert high_water(ledger) <= now_ms()
    assert cli("budget", "check").code == 0
    assert "nothing to do" in cli("budget", "clock-reset").err


def test_what_was_charged_in_the_future_still_counts_after_a_clock_reset(
    cli: Cli, ledger: Store
) -> None:
    cli("budget", "set", "--daily", "0.0135")
    ahead(ledger, 20)
    spent(ledger)
    ahead(ledger, 48)
    cli("budget", "clock-reset")
    assert cli("budget", "check").code == 3


def test_a_raise_holds_by_the_ledgers_clock_so_that_none_is_over_at_once(
    cli: Cli, ledger: Store
) -> None:
    ahead(ledger, 5)
    cli("budget", "set", "--daily", "2")
    cli("budget", "raise", "1", "--until", "1h")
    assert shown(cli)["day"]["limit"] == "3.00"
