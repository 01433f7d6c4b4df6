"""The pace that an alert tells is that of the ledger."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from lodestar.modules.usage_tracker.budget_log import Key
from lodestar.modules.usage_tracker.tests.alert_ticks import (
    BERLIN,
    NANO,
    Clock,
    at,
    change,
    pay,
    settings,
    tick,
)
from lodestar.paths import Home
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store

__all__ = ["at"]


def test_the_pace_is_that_of_the_ledger(store: Store, at: Clock) -> None:
    limited = settings(daily_usd=2)
    for hour in (10, 11):
        at(f"2026-11-24 {hour}:00")
        for _ in range(4):
            pay(store, 0.125)
    at("2026-11-24 12:00")
    assert tick(store, limited) == [
        ("info", "50 % of the daily limit: $1.00 of $2.00 used;"
                 " at this pace it is used up at about 14:00"),
    ]  # fmt: skip
    (row,) = store.rows("SELECT projected, unit, session_id FROM alerts WHERE text <> ''")
    assert tuple(row) == (7 * NANO, "usd", "S1")


def test_the_pace_of_one_model_is_not_that_of_another(store: Store, at: Clock) -> None:
    change(store, Key("day", "usd", None, "paid-model"), 2)
    for hour in (10, 11):
        at(f"2026-11-24 {hour}:00")
        for _ in range(2):
            pay(store, 0.25)
    with store.write() as connection:
        connection.execute(
            "INSERT INTO rollup SELECT quarter_ms, project_id, branch, tag, 'other', model, tier,"
            " kind, billing, calls, 0, 0, 0, 0, 0, 0, cash_nano / 10, 0, 0, 0, 0, 0 FROM rollup"
        )
    at("2026-11-24 12:00")
    # Four calls are not enough, and those of the other model are none of its own.
    assert [text for _, text in tick(store, settings())] == [
        "50 % of the daily limit for paid-model: $1.00 of $2.00 used"
    ]


@pytest.mark.parametrize(
    ("minutes", "count_suspend", "expected"),
    [
        (300, True, "; at this pace about $1.80 by the end of this session"),
        (None, True, ""),
        (300, False, ""),
    ],
)
def test_only_a_session_whose_end_is_known_has_a_pace(
    store: Store,
    at: Clock,
    tmp_path: Path,
    mocker: MockerFixture,
    minutes: int | None,
    count_suspend: bool,
    expected: str,
) -> None:
    started = int(datetime(2026, 11, 24, 10, tzinfo=BERLIN).timestamp() * 1000)
    mocker.patch("lodestar.store.sessions.now_ms", return_value=started)
    session = Session("S1", None, "default", None, os.getpid(), session_minutes=minutes)
    start_session(store, Home(tmp_path), session)
    for minute in ("10:00", "10:30"):
        at(f"2026-11-24 {minute}")
        for _ in range(3):
            pay(store, 0.18)
    at("2026-11-24 13:00")
    limited = settings(session_usd=2, session_minutes=minutes, count_suspend=count_suspend)
    assert [text for _, text in tick(store, limited)] == [
        f"54 % of the session limit: $1.08 of $2.00 used{expected}"
    ]
