"""What was told is told again only where there is news."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from lodestar.ids import new_id
from lodestar.modules.usage_tracker import charges
from lodestar.modules.usage_tracker.charges import sweep_orphans
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.tests.alert_ticks import (
    DAY,
    NANO,
    Clock,
    at,
    change,
    pay,
    raise_by,
    rows,
    settings,
    texts,
    tick,
)
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.fakes.values import reported

__all__ = ["at"]
ROUNDS = 6


def test_a_new_window_alerts_again(store: Store, at: Clock) -> None:
    limited = settings(daily_usd=1, weekly_usd=10)
    at("2026-11-24 23:58")
    pay(store, 0.9)
    assert texts(store, limited) == ["90 % of the daily limit: $0.90 of $1.00 used"]
    at("2026-11-25 00:01")
    assert tick(store, limited) == []
    pay(store, 0.9)
    assert texts(store, limited) == ["90 % of the daily limit: $0.90 of $1.00 used"]
    # A clock that is set back opens no window again, and tells nothing again.
    at("2026-11-24 23:59")
    assert tick(store, limited) == []


def test_a_correction_takes_no_alert_back_and_makes_no_second_one(
    store: Store, mocker: MockerFixture, at: Clock
) -> None:
    limited = settings(daily_usd=2)
    real = charges.settle
    late: list[Any] = []
    mocker.patch.object(charges, "settle", side_effect=lambda *what: late.append(what))
    pay(store, 1.7)
    mocker.patch.object(charges, "settle", real)
    mocker.patch("lodestar.modules.usage_tracker.owners.alive", return_value=False)
    sweep_orphans(store)
    assert texts(store, limited) == ["85 % of the daily limit: $1.70 of $2.00 used"]
    (_, hold, _) = late[0]
    real(store, hold, reported(1, 100))
    assert store.row("SELECT sum(cash_nano) FROM charges")[0] == 0.1 * NANO  # type: ignore[index]
    assert tick(store, limited) == []
    assert rows(store) == [(50, False), (80, True)]
    pay(store, 1.55)
    assert tick(store, limited) == []
    pay(store, 0.3)
    assert texts(store, limited) == ["97 % of the daily limit: $1.95 of $2.00 used"]


@pytest.mark.usefixtures("at")
def test_after_a_raise_only_what_is_newly_reached_is_told(store: Store) -> None:
    change(store, DAY, 2)
    pay(store, 1.7)
    assert texts(store, settings()) == ["85 % of the daily limit: $1.70 of $2.00 used"]
    change(store, DAY, 3)
    assert tick(store, settings()) == []
    pay(store, 0.69)
    assert tick(store, settings()) == []
    pay(store, 0.02)
    assert texts(store, settings()) == ["80 % of the daily limit: $2.41 of $3.00 used"]
    change(store, DAY, 2.5)
    assert texts(store, settings()) == ["96 % of the daily limit: $2.41 of $2.50 used"]
    change(store, DAY, 3)
    assert tick(store, settings()) == []


def test_a_raise_that_is_over_is_noticed_without_a_new_call(store: Store, at: Clock) -> None:
    same = settings()
    change(store, DAY, 2)
    raise_by(store, DAY, 8, "2026-11-24 12:00")
    pay(store, 1.9)
    assert tick(store, same) == []
    at("2026-11-24 11:59")
    assert tick(store, same) == []
    at("2026-11-24 12:00")
    assert texts(store, same) == ["95 % of the daily limit: $1.90 of $2.00 used"]


@pytest.mark.usefixtures("at")
def test_two_sessions_with_different_settings_hear_each_of_their_own(store: Store) -> None:
    pay(store, 1.0)
    assert texts(store, settings(daily_usd=1)) == ["100 % of the daily limit: $1.00 of $1.00 used"]
    assert texts(store, settings(daily_usd=2)) == ["50 % of the daily limit: $1.00 of $2.00 used"]


@pytest.mark.usefixtures("at")
def test_a_tick_without_news_reads_two_rows_and_writes_nothing(store: Store) -> None:
    limited = settings(daily_usd=2, weekly_usd=10, monthly_usd=30)
    pay(store, 1.7)
    assert tick(store, limited)
    seen: list[str] = []
    store._connection.set_trace_callback(seen.append)
    for _ in range(3):
        assert tick(store, limited) == []
    assert len(seen) == 6
    assert not [sql for sql in seen if not sql.startswith("SELECT")]
    # What is spent without a threshold in it is looked at, but still nothing is written.
    store._connection.set_trace_callback(None)
    pay(store, 0.02)
    seen.clear()
    store._connection.set_trace_callback(seen.append)
    assert tick(store, limited) == []
    assert len(seen) > 6
    assert not [sql for sql in seen if not sql.startswith("SELECT")]


def _tick_elsewhere(path: Path, barrier: Any, answers: Any) -> None:
    session = new_id()
    with Store.open(path, [CORE, register_migrations()]) as opened:
        for _ in range(ROUNDS):
            barrier.wait(60)
            answers.put((session, tick(opened, settings(daily_usd=2000), session)))


def test_of_two_sessions_at_once_one_tells_it(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(3), context.Queue()
    started = [
        context.Process(target=_tick_elsewhere, args=(store.path, barrier, answers))
        for _ in range(2)
    ]
    for process in started:
        process.start()
    told = []
    for number in range(ROUNDS):
        if number in (2, 3, 4):
            with store.write() as connection:
                connection.execute("UPDATE rollup SET cash_nano = 0")
                connection.execute("UPDATE store_state SET value = value + 1 WHERE key='sequence'")
            pay(store, {2: 1001, 3: 1601, 4: 1901}[number])
        barrier.wait(60)
        told += [text for _ in range(2) for _, text in answers.get(timeout=60)[1]]
    for process in started:
        process.join(60)
        assert process.exitcode == 0
    assert [text.split(":")[0] for text in told] == [
        f"{threshold} % of the daily limit" for threshold in (50, 80, 95)
    ]
    assert len(rows(store)) == 3
