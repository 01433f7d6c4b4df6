"""The user is told in time that a limit is used up, and of nothing else."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from lodestar.modules.usage_tracker import charges
from lodestar.modules.usage_tracker.budget_log import Key
from lodestar.modules.usage_tracker.plugin import session_event
from lodestar.modules.usage_tracker.tests.alert_ticks import (
    DAY,
    NANO,
    at,
    change,
    pay,
    rows,
    settings,
    texts,
    tick,
)
from lodestar.paths import Home
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store

__all__ = ["at"]


@pytest.mark.usefixtures("at")
def test_each_threshold_is_told_once_and_in_time(store: Store) -> None:
    limited = settings(daily_usd=2)
    said = []
    for _ in range(20):
        pay(store, 0.1)
        said += tick(store, limited)
        assert tick(store, limited) == []
    assert said == [
        ("info", "50 % of the daily limit: $1.00 of $2.00 used"),
        ("warn", "80 % of the daily limit: $1.60 of $2.00 used"),
        ("warn", "95 % of the daily limit: $1.90 of $2.00 used"),
        ("warn", "100 % of the daily limit: $2.00 of $2.00 used; it starts anew at 00:00"),
    ]


@pytest.mark.usefixtures("at")
def test_of_several_thresholds_at_once_the_highest_is_told(store: Store) -> None:
    limited = settings(daily_usd=2)
    pay(store, 1.93)
    assert texts(store, limited) == ["96 % of the daily limit: $1.93 of $2.00 used"]
    assert rows(store) == [(50, False), (80, False), (95, True)]
    pay(store, 0.05)
    assert tick(store, limited) == []


@pytest.mark.usefixtures("at")
@pytest.mark.parametrize("spent", [0.0, 0.5, 0.999])
def test_below_the_first_threshold_and_without_a_limit_nothing_is_told(
    store: Store, spent: float
) -> None:
    if spent:
        pay(store, spent)
    assert tick(store, settings(daily_usd=2)) == []
    assert tick(store, settings()) == []
    # A limit of one call is no amount that is used up, and 0 is closed from the start.
    assert tick(store, settings(call_usd=0.01, weekly_usd=0, monthly_tokens=0)) == []
    assert rows(store) == []


@pytest.mark.usefixtures("at")
def test_what_is_held_is_not_spent(store: Store, mocker: MockerFixture) -> None:
    limited = settings(daily_usd=2)
    settle = mocker.patch.object(charges, "settle")
    pay(store, 1.9)
    assert settle.called
    assert store.rows("SELECT amount_nano FROM holds WHERE state = 'held'")[0][0] == 1.9 * NANO
    assert tick(store, limited) == []


@pytest.mark.usefixtures("at")
def test_every_window_and_unit_has_its_own_thresholds_the_highest_last(store: Store) -> None:
    limited = settings(session_usd=1, weekly_usd=10, monthly_tokens=2000, daily_tokens=100_000)
    pay(store, 1.0)
    assert [text for _, text in tick(store, limited)] == [
        "50 % of the monthly limit: 1,001 of 2,000 tokens used",
        "100 % of the session limit: $1.00 of $1.00 used",
    ]


@pytest.mark.usefixtures("at")
def test_only_limits_that_apply_to_the_session_are_told(store: Store, tmp_path: Path) -> None:
    for name in ("here", "away"):
        session = Session(name, tmp_path / name, "default", None, os.getpid())
        start_session(store, Home(tmp_path), session)
    ids = {row["root"]: row["id"] for row in store.rows("SELECT id, root FROM projects")}
    change(store, Key("day", "usd", ids[str(tmp_path / "here")], None), 1)
    change(store, Key("week", "usd", None, "paid-model"), 1)
    change(store, Key("month", "usd", None, "other-model"), 1)
    pay(store, 1, "here")
    assert texts(store, settings(), "away") == [
        "100 % of the weekly limit for paid-model: $1.00 of $1.00 used"
    ]
    assert texts(store, settings(), "here") == [
        "100 % of the daily limit of this project: $1.00 of $1.00 used"
    ]


@pytest.mark.usefixtures("at")
def test_a_sessions_limit_is_another_one_in_each_session(store: Store) -> None:
    limited = settings(session_usd=1, daily_usd=2)
    change(store, Key("session", "usd", None, None), 1.25)
    pay(store, 1)
    assert texts(store, limited) == [
        "50 % of the daily limit: $1.00 of $2.00 used",
        "80 % of the session limit: $1.00 of $1.25 used",
        "100 % of the session limit: $1.00 of $1.00 used",
    ]
    assert tick(store, limited, "S2") == []
    pay(store, 0.5, "S2")
    assert texts(store, limited, "S2") == ["50 % of the session limit: $0.50 of $1.00 used"]


@pytest.mark.usefixtures("at")
def test_two_limits_of_the_same_amount_are_one_line(store: Store) -> None:
    change(store, DAY, 2)
    pay(store, 1.0)
    assert texts(store, settings(daily_usd=2)) == ["50 % of the daily limit: $1.00 of $2.00 used"]
    assert rows(store) == [(50, True), (50, True)]


@pytest.mark.usefixtures("at")
def test_the_users_own_thresholds_count(store: Store) -> None:
    own = settings({"alerts": {"thresholds": [30]}}, daily_usd=2)
    none = settings({"alerts": {"thresholds": []}}, daily_usd=2)
    pay(store, 0.7)
    assert tick(store, none) == []
    assert texts(store, own) == ["35 % of the daily limit: $0.70 of $2.00 used"]
    pay(store, 1.3)
    assert tick(store, own) == []


def test_a_database_that_is_unfit_for_money_tells_nothing(
    store: Store, mocker: MockerFixture
) -> None:
    pay(store, 1.9)
    mocker.patch.object(Store, "unfit", "gone")
    assert tick(store, settings(daily_usd=2)) == []


@pytest.mark.usefixtures("at")
def test_the_notice_has_a_title_with_its_time_and_the_log_a_line(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pay(store, 1.7)
    (notice,) = session_event("S1", {"type": "tick"}, store, settings(daily_usd=2)) or []
    assert notice["title"] == "Lodestar 10:00: 85 % of the daily limit"
    assert "alert: 85 % of the daily limit: $1.70 of $2.00 used" in caplog.messages
