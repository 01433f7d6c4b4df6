"""`lodestar budget alerts`, as a user meets it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lodestar.modules.usage_tracker.plugin import session_event
from lodestar.modules.usage_tracker.tests.alert_programs import path_with, recorder, written
from lodestar.modules.usage_tracker.tests.alert_ticks import pay, settings
from lodestar.modules.usage_tracker.tests.budget_cli import data, ledger
from lodestar.paths import Home
from lodestar.store.store import Store
from tests.cli.conftest import Cli, cli, home

__all__ = ["cli", "home", "ledger"]


def _config(home: Home, **alerts: object) -> None:
    home.config_file.write_text(
        json.dumps({"modules": {"usage_tracker": {"alerts": alerts}}}), "utf-8"
    )


def test_the_alerts_so_far_are_listed_newest_first(cli: Cli, home: Home, ledger: Store) -> None:
    home.config_file.write_text("timezone: Europe/Berlin\n")
    cli("budget", "set", "--daily", "3k", "--tokens")
    pay(ledger, 1.7, "01SESSION")
    limited = settings(session_usd=2)
    assert session_event("01SESSION", {"type": "tick"}, ledger, limited)
    done = cli("budget", "alerts")
    assert done.code == 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", done.rows[0][0])
    assert [row[1:] for row in done.rows] == [
        ["day", "budget", "50 %", "1,701 tokens", "3,000 tokens", "1session", "yes"],
        ["session", "limits.session_usd", "80 %", "$1.70", "$2.00", "1session", "yes"],
        [
            *("session", "limits.session_usd", "50 %", "$1.70", "$2.00", "1session"),
            "no, a higher one was",
        ],
    ]
    found = data(cli("budget", "alerts", "--json", "--limit", "2"), "budget-alerts")
    assert len(found) == 2
    day, session = found
    assert (day["model"], day["spent"], day["amount"], day["unit"]) == (
        *(None, 1701, 3000),
        "tokens",
    )
    assert day["window_start"][10:16] == "T00:00"
    assert session.pop("at")[-6:] in ("+01:00", "+02:00")
    assert session == {
        "window": "session",
        "window_start": None,
        "unit": "usd",
        "project": None,
        "model": None,
        "source": "limits.session_usd",
        "threshold": 80,
        "spent": "1.70",
        "amount": "2.00",
        "projected": None,
        "session": "01SESSION",
        "text": "85 % of the session limit: $1.70 of $2.00 used",
    }


def test_without_alerts_the_list_is_empty(cli: Cli) -> None:
    done = cli("budget", "alerts")
    assert (done.code, done.rows) == (0, [])


def test_a_sample_goes_where_alerts_go(
    cli: Cli, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop, own = recorder(tmp_path, "notify-send"), recorder(tmp_path, "own")
    monkeypatch.setenv("PATH", path_with(tmp_path))
    _config(home, desktop=True, command=["own", "x"])
    done = cli("budget", "alerts", "--test")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == ["desktop: told", "command: told"]
    sample = json.loads(written(own)["stdin"])
    assert (sample["test"], sample["schema"]) == (True, "lodestar.alert/1")
    assert (sample["threshold"], sample["spent"], sample["amount"]) == (80, "1.62", "2.00")
    assert written(desktop)["argv"][-1] == sample["text"]
    assert sample["text"] == "a test: 81 % of the daily limit: $1.62 of $2.00 used"


def test_a_sample_says_what_is_off(cli: Cli) -> None:
    done = cli("budget", "alerts", "--test")
    assert done.code == 0
    assert done.err.splitlines() == [
        "desktop: off (modules.usage_tracker.alerts.desktop in config.yaml)",
        "command: off (modules.usage_tracker.alerts.command in config.yaml)",
    ]


def test_a_sample_that_does_not_arrive_says_why(cli: Cli, home: Home) -> None:
    _config(home, command=["no-such-program-here"], thresholds=[0])
    done = cli("budget", "alerts", "--test")
    assert done.code == 1
    warning, desktop, command = done.err.splitlines()
    assert warning.startswith("warning: modules.usage_tracker.alerts.thresholds must be")
    assert desktop.startswith("desktop: off")
    assert command == ("command: no-such-program-here cannot be started: No such file or directory")
    found = data_of_test(cli)
    assert found["desktop"] == "off"
    assert found["command"].startswith("no-such-program-here cannot be started")


def data_of_test(cli: Cli) -> dict[str, str]:
    """The sample as JSON."""
    answer = json.loads(cli("budget", "alerts", "--test", "--json").out)
    assert answer["schema"] == "lodestar.alert-test/1"
    return dict(answer["data"])
