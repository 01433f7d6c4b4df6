"""How long an answer may get within the limits."""

from __future__ import annotations

import pytest

from lodestar.modules.usage_tracker.limits import Limit, Unit
from lodestar.modules.usage_tracker.prices import Price
from lodestar.modules.usage_tracker.room import Call, room
from lodestar.modules.usage_tracker.standing import Standing

CALL = Call(max_input=1_000, max_output=8_000, answers=1, price=Price(3, 15))
INPUT = 3_000


def standing(amount: int, spent: int = 0, held: int = 0, unit: Unit = "usd") -> Standing:
    return Standing(Limit("day", unit, amount, "downgrade", "budget"), spent, held, 0, 1)


@pytest.mark.parametrize(
    ("left", "decision", "cap"),
    [
        (INPUT + 8_000 * 15, "send", 8_000),
        (INPUT + 8_000 * 15 - 1, "send", 7_999),
        (INPUT + 256 * 15, "send", 256),
        (INPUT + 256 * 15 - 1, "refuse", 255),
        (INPUT - 1, "refuse", -1),
        (-5, "refuse", -1),
    ],
)
def test_the_cap_is_what_is_affordable_but_not_below_usefulness(
    left: int, decision: str, cap: int
) -> None:
    found = room(CALL, [standing(1_000_000, 1_000_000 - left)], patient=True)
    assert (found.decision, found.cap) == (decision, cap)


def test_a_client_that_asks_for_less_than_is_useful_gets_that() -> None:
    small = Call(1_000, 16, 1, Price(3, 15))
    assert room(small, [standing(INPUT + 16 * 15)], patient=True).cap == 16
    assert room(small, [standing(INPUT + 15 * 15)], patient=True).decision == "refuse"


def test_where_only_holds_are_in_the_way_it_waits_and_then_takes_what_is_useful() -> None:
    full = INPUT + 8_000 * 15
    behind = standing(full, held=full - INPUT - 1_000 * 15)
    assert room(CALL, [behind], patient=True).decision == "wait"
    found = room(CALL, [behind], patient=False)
    assert (found.decision, found.cap) == ("send", 1_000)
    assert room(CALL, [standing(full, held=full)], patient=False).decision == "refuse"


def test_for_a_cap_that_an_ordinary_edit_fits_nobody_waits() -> None:
    full = INPUT + 8_000 * 15
    found = room(CALL, [standing(full, held=full - INPUT - 2_048 * 15)], patient=True)
    assert (found.decision, found.cap) == ("send", 2_048)


def test_waiting_for_holds_that_would_not_help_is_a_refusal() -> None:
    assert room(CALL, [standing(INPUT, held=10)], patient=True).decision == "refuse"


def test_the_tightest_of_several_limits_decides() -> None:
    wide, narrow = standing(10**9), standing(1_000 + 4_000, unit="tokens")
    found = room(CALL, [wide, narrow], patient=True)
    assert (found.cap, found.tightest) == (4_000, narrow)


def test_every_answer_of_a_call_is_paid_for() -> None:
    two = Call(1_000, 8_000, 2, Price(3, 15))
    assert room(two, [standing(INPUT + 2 * 3_000 * 15)], patient=True).cap == 3_000


def test_writing_a_cache_is_covered_where_it_is_dearer() -> None:
    dear = Call(1_000, 8_000, 1, Price(3, 15, cache_read=1, cache_write=4))
    assert room(dear, [standing(4_000 + 15 * 5_000)], patient=True).cap == 5_000


def test_without_limits_the_call_goes_as_it_is() -> None:
    assert room(CALL, [], patient=True).cap == 8_000
