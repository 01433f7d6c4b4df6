"""No hold is placed beyond a limit, and what counts is what was held and charged."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from typing import Any
from unittest.mock import DEFAULT

import pytest
from pytest_mock import MockerFixture

from lodestar.exchange import Outcome
from lodestar.hookspecs import Refused
from lodestar.modules.usage_tracker import admission, charges, ledger_clock
from lodestar.modules.usage_tracker.tests.money import HELLO_INPUT, WORST, a_hold, limited, spend
from lodestar.store.store import Store
from tests.fakes.values import a_request, reported, unreported

DAY_MS = 86_400_000
COST = 100 * 3_000 + 10 * 15_000


def usd(nano: int) -> str:
    return f"{nano / 10**9:.9f}"


def at(mocker: MockerFixture, ms: int) -> None:
    """Set the system's clock, as the ledger sees it."""
    for module in (admission, charges):
        mocker.patch.object(module, "now_ms", return_value=ms)


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize("window", ["session", "daily", "weekly", "monthly"])
def test_a_hold_that_does_not_fit_is_refused_and_not_placed(store: Store, window: str) -> None:
    settings = limited(**{f"{window}_usd": usd(2 * WORST - 700 * 15_000)})
    a_hold(store, settings)
    second = a_hold(store, settings)
    assert second.max_output == 300
    with pytest.raises(Refused) as refused:
        a_hold(store, settings)
    assert refused.value.limit_source == f"limits.{window}_usd"
    assert refused.value.policy == "downgrade"
    assert refused.value.details["spent"] == "0.00"
    assert len(store.rows("SELECT * FROM holds")) == 2


def test_what_is_settled_below_its_hold_makes_room_again(store: Store) -> None:
    settings = limited(daily_usd=usd(WORST + 2 * COST))
    for _ in range(3):
        spend(store, reported(100, 10), settings)
    gate = spend(store, reported(100, 10), settings)
    assert gate.max_output < 1000
    assert "tokens at most" in gate.notices[0]


def test_a_voided_hold_leaves_all_of_its_room(store: Store) -> None:
    settings = limited(daily_usd=usd(WORST))
    spend(store, Outcome("error", sent=False), settings)
    assert a_hold(store, settings).max_output == 1000


def test_the_worst_case_of_a_dead_process_keeps_counting(store: Store) -> None:
    settings = limited(daily_usd=usd(WORST + 100))
    a_hold(store, settings)
    with store.write() as connection:
        connection.execute("UPDATE holds SET owner = ':1:0'")
    with pytest.raises(Refused) as refused:
        a_hold(store, settings)
    assert refused.value.details["spent"] == f"{WORST / 10**9:.9f}".rstrip("0")


def test_another_session_counts_for_the_day_but_not_for_the_session(store: Store) -> None:
    a_hold(store, limited(), a_request(session="other"))
    a_hold(store, limited(session_usd=usd(WORST)))
    with pytest.raises(Refused):
        a_hold(store, limited(daily_usd=usd(WORST)))


def test_tokens_are_limited_as_money_is(store: Store) -> None:
    settings = limited(daily_tokens=1_000)
    spend(store, reported(100, 10), settings)
    assert a_hold(store, settings).max_output == 1_000 - 110 - HELLO_INPUT
    with pytest.raises(Refused) as refused:
        a_hold(store, settings)
    assert refused.value.details["unit"] == "tokens"


def test_a_call_above_what_one_call_may_cost_asks(store: Store) -> None:
    assert a_hold(store, limited(call_usd=usd(WORST - 15_000))).max_output == 999
    with pytest.raises(Refused) as refused:
        a_hold(store, limited(call_usd=usd(4_000_000)))
    assert refused.value.policy == "ask"


def test_a_limit_of_nothing_closes_paid_models(store: Store) -> None:
    with pytest.raises(Refused, match="closes paid models"):
        spend(store, unreported(), limited(daily_usd="0"))


def test_a_charge_counts_in_the_window_of_its_hold(store: Store, mocker: MockerFixture) -> None:
    noon = 1_770_033_600_000
    midnight = noon + DAY_MS // 2
    settings = limited(daily_usd=usd(WORST)).model_copy(update={"timezone": "UTC"})
    at(mocker, midnight - 1)
    hold = a_hold(store, settings)
    at(mocker, midnight + 1)
    charges.settle(store, hold, unreported())
    assert a_hold(store, settings).max_output == 1000


def test_a_clock_set_back_opens_no_window_again(store: Store, mocker: MockerFixture) -> None:
    settings = limited(daily_usd=usd(WORST))
    moment = now()
    at(mocker, moment)
    a_hold(store, settings)
    at(mocker, moment - DAY_MS)
    with pytest.raises(Refused, match="daily limit"):
        a_hold(store, settings)


def test_a_clock_far_behind_is_refused_until_it_is_reset_and_then_all_still_counts(
    store: Store, mocker: MockerFixture
) -> None:
    settings = limited(monthly_usd=usd(WORST))
    moment = now()
    at(mocker, moment + 400 * DAY_MS)
    a_hold(store, settings)
    at(mocker, moment)
    with pytest.raises(Refused) as refused:
        a_hold(store, settings)
    assert refused.value.limit_source == "clock"
    with store.write() as connection:
        ledger_clock.reset(connection, moment)
    with pytest.raises(Refused, match="monthly limit"):
        a_hold(store, settings)
    at(mocker, moment + 40 * DAY_MS)
    assert a_hold(store, settings).max_output == 1000


def test_the_next_day_has_its_own_money(store: Store, mocker: MockerFixture) -> None:
    settings = limited(daily_usd=usd(WORST), weekly_usd=usd(1.5 * WORST))
    settings = settings.model_copy(update={"timezone": "UTC"})
    tuesday = 1_770_120_000_000
    at(mocker, tuesday)
    a_hold(store, settings)
    at(mocker, tuesday + DAY_MS)
    hold = a_hold(store, settings)
    assert 256 <= hold.max_output < 1000


def test_a_wait_for_other_calls_ends_when_they_settle(store: Store, mocker: MockerFixture) -> None:
    settings = limited(daily_usd=usd(WORST + COST), wait_s=30)
    first = a_hold(store, settings)
    looks: list[Any] = []
    real = admission.admit

    def admit(*arguments: Any) -> Any:
        looks.append(1)
        if len(looks) == 3:
            charges.settle(store, first, reported(100, 10))
        return real(*arguments)

    mocker.patch.object(admission, "admit", admit)
    gate = spend(store, reported(100, 10), settings)
    assert gate.max_output == 1000
    assert gate.notices[0].startswith("waited for other calls")


def test_a_wait_is_bounded(store: Store, mocker: MockerFixture) -> None:
    clock = mocker.patch("lodestar.modules.usage_tracker.gate.time")
    clock.monotonic.side_effect = [0, 0, 29, 31]
    settings = limited(daily_usd=usd(WORST), wait_s=30)
    a_hold(store, settings)
    with pytest.raises(Refused) as refused:
        spend(store, unreported(), settings)
    assert "held by other calls" in str(refused.value)


def test_a_wait_writes_nothing(store: Store) -> None:
    settings = limited(daily_usd=usd(WORST), wait_s=1)
    a_hold(store, settings)
    before = tuple(store.rows("SELECT * FROM ledger_clock")[0])
    with pytest.raises(Refused):
        spend(store, unreported(), settings)
    assert tuple(store.rows("SELECT * FROM ledger_clock")[0]) == before


def test_a_commit_message_does_not_wait_for_money(store: Store, mocker: MockerFixture) -> None:
    sleep = mocker.patch("lodestar.modules.usage_tracker.gate.asyncio.sleep")
    settings = limited(daily_usd=usd(WORST), wait_s=300)
    a_hold(store, settings)
    with pytest.raises(Refused):
        spend(store, unreported(), settings, replace(a_request(), kind="commit_message"))
    sleep.assert_not_called()


def test_what_could_not_be_settled_is_settled_before_the_next_call(
    store: Store, mocker: MockerFixture
) -> None:
    ends = [sqlite3.OperationalError("locked"), DEFAULT]
    mocker.patch.object(charges, "settle", wraps=charges.settle, side_effect=ends)
    spend(store, reported(100, 10))
    assert [row[0] for row in store.rows("SELECT state FROM holds")] == ["held"]
    a_hold(store)
    assert [row[0] for row in store.rows("SELECT state FROM holds ORDER BY rowid")] == [
        "posted",
        "held",
    ]
    assert store.rows("SELECT cash_nano FROM charges")[0][0] == COST
