"""A breaker opens after failures in a row, and lets one call try once its time is up."""

from __future__ import annotations

import pytest

from lodestar.modules.health_monitor.breaker import Breaker, State

WAIT = 30_000


def breaker(*history: tuple[bool, int]) -> Breaker:
    made = Breaker(3, WAIT)
    for ok, at_ms in history:
        made.record(ok, at_ms)
    return made


FAILED = ((False, 1_000), (False, 2_000), (False, 3_000))


@pytest.mark.parametrize(
    ("history", "now", "state"),
    [
        ((), 0, "closed"),
        (FAILED[:2], 2_000, "closed"),
        (((False, 1), (False, 2), (True, 3), (False, 4), (False, 5)), 5, "closed"),
        (FAILED, 3_000, "open"),
        (FAILED, 3_000 + WAIT - 1, "open"),
        (FAILED, 3_000 + WAIT, "half-open"),
        ((*FAILED, (False, 3_000 + WAIT)), 3_000 + WAIT, "open"),
        ((*FAILED, (True, 3_000 + WAIT)), 3_000 + WAIT, "closed"),
        # The end of a call, as its sample has it, may be a little ahead.
        (FAILED, 2_990, "open"),
        # A clock that was set back by an hour must not leave a model out for an hour.
        (FAILED, -3_600_000, "half-open"),
        # News from another session that is older than what is known says nothing.
        ((*FAILED, (True, 2_500)), 3_000, "open"),
    ],
)
def test_its_state_follows_from_what_happened(
    history: tuple[tuple[bool, int], ...], now: int, state: State
) -> None:
    assert breaker(*history).state(now) == state


def test_while_half_open_one_call_may_try_and_no_other() -> None:
    one, now = breaker(*FAILED), 3_000 + WAIT
    assert one.lets_through(now)
    one.try_it(now)
    assert not one.lets_through(now + 1)
    assert one.lets_through(now + WAIT), "a trial that tells nothing is given up"


def test_the_end_of_a_trial_decides() -> None:
    for ok, state in ((True, "closed"), (False, "open")):
        one, now = breaker(*FAILED), 3_000 + WAIT
        one.try_it(now)
        one.record(ok, now + 5)
        assert one.state(now + 5) == state
        assert one.lets_through(now + 5) is ok


def test_it_says_when_it_opens_and_when_it_closes_and_not_in_between() -> None:
    one = Breaker(3, WAIT)
    said = [one.record(ok, at) for at, ok in enumerate((False, False, False, False, True, True))]
    assert said == [False, False, True, False, True, False]
