"""What is said of the pace: nothing without enough to go by, and never more than it can know."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lodestar.modules.usage_tracker import windows
from lodestar.modules.usage_tracker.limits import Window
from lodestar.modules.usage_tracker.projection import (
    Projection,
    Spent,
    project,
    projection_text,
    rounded,
)

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
USD = 10**9


def ms(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def spent(*parts: tuple[str, int, float], zone: ZoneInfo = BERLIN) -> list[Spent]:
    """(time, calls, dollars) of each quarter-hour."""
    return [Spent(ms(at, zone), calls, round(usd * USD)) for at, calls, usd in parts]


def said(
    window: Window,
    limit: float,
    parts: list[Spent],
    now: str,
    zone: ZoneInfo = BERLIN,
    bounds: tuple[int, int] | None = None,
) -> str | None:
    at = ms(now, zone)
    bounds = bounds or windows.bounds(window, at, zone)
    found = project(window, round(limit * USD), parts, bounds, at, zone)
    return found and projection_text(found, window, "usd", at, zone)


MORNING = spent(("2026-11-24 10:00", 3, 0.5), ("2026-11-24 11:00", 3, 0.5))
ENOUGH: list[tuple[Window, float, list[Spent], str, str]] = [
    # $1 in two hours: the second one is gone at 14:00.
    ("day", 2, MORNING, "2026-11-24 12:00", "at this pace it is used up at about 14:00"),
    ("day", 1.6, MORNING, "2026-11-24 12:00", "at this pace it is used up at about 13:10"),
    ("day", 1.05, MORNING, "2026-11-24 12:00", "at this pace it is used up within 10 minutes"),
    ("day", 7.5, MORNING, "2026-11-24 12:00", "at this pace about $7.00 by midnight"),
    ("day", 7.0, MORNING, "2026-11-24 12:00", "at this pace about $7.00 by midnight"),
    ("day", 6.99, MORNING, "2026-11-24 12:00", "at this pace it is used up at about 00:00"),
    # From the midnight before the first call on: $1 in a day and a half.
    ("week", 2, MORNING, "2026-11-25 12:00", "at this pace it is used up on about Fri 27 Nov"),
    ("week", 9, MORNING, "2026-11-25 12:00", "at this pace about $4.00 by the end of the week"),
    ("month", 9, MORNING, "2026-11-27 12:00", "at this pace about $2.00 by the end of the month"),
    ("month", 1.2, MORNING, "2026-11-27 12:00", "at this pace it is used up on about Sat 28 Nov"),
]


@pytest.mark.parametrize(("window", "limit", "parts", "now", "expected"), ENOUGH)
def test_the_pace_so_far_goes_on(
    window: Window, limit: float, parts: list[Spent], now: str, expected: str
) -> None:
    assert said(window, limit, parts, now) == expected


NOT_ENOUGH: list[tuple[str, Window, float, list[Spent], str]] = [
    ("nothing spent", "day", 2, [], "2026-11-24 12:00"),
    ("half an hour is not over", "day", 2, MORNING, "2026-11-24 10:29"),
    (
        "half an hour of the day is not over",
        "day",
        2,
        spent(("2026-11-24 00:00", 3, 0.5), ("2026-11-24 00:15", 3, 0.5)),
        "2026-11-24 00:29",
    ),
    (
        "four calls",
        "day",
        2,
        spent(("2026-11-24 10:00", 2, 0.5), ("2026-11-24 11:00", 2, 0.5)),
        "2026-11-24 12:00",
    ),
    ("one quarter-hour", "day", 2, spent(("2026-11-24 10:00", 9, 1.0)), "2026-11-24 12:00"),
    (
        "the second quarter-hour only takes back",
        "day",
        2,
        spent(("2026-11-24 10:00", 9, 1.0), ("2026-11-24 11:00", 1, -0.2)),
        "2026-11-24 12:00",
    ),
    ("used up", "day", 1, MORNING, "2026-11-24 12:00"),
    ("less than a day of the week", "week", 2, MORNING, "2026-11-24 23:59"),
    ("less than three days of the month", "month", 2, MORNING, "2026-11-26 23:59"),
]


@pytest.mark.parametrize(
    ("window", "limit", "parts", "now"),
    [row[1:] for row in NOT_ENOUGH],
    ids=[row[0] for row in NOT_ENOUGH],
)
def test_without_enough_data_nothing_is_said(
    window: Window, limit: float, parts: list[Spent], now: str
) -> None:
    assert said(window, limit, parts, now) is None


@pytest.mark.parametrize(
    ("now", "parts"),
    [
        ("2026-11-24 10:30", spent(("2026-11-24 10:00", 3, 0.5), ("2026-11-24 10:15", 2, 0.4))),
        (
            "2026-11-24 00:30",
            spent(("2026-11-24 00:00", 3, 0.5), ("2026-11-24 00:15", 2, 0.4)),
        ),
    ],
)
def test_with_just_enough_something_is(now: str, parts: list[Spent]) -> None:
    assert said("day", 2, parts, now)


def test_a_week_and_a_month_need_just_their_days() -> None:
    assert said("week", 2, MORNING, "2026-11-25 00:00")
    assert said("month", 2, MORNING, "2026-11-27 00:00")


DST: list[tuple[ZoneInfo, str, str, float]] = [
    # $1 between 10:00 and 12:00; so many hours are left, and the day before the change.
    (BERLIN, "2026-03-29", "10:00", 12),
    (BERLIN, "2026-10-25", "10:00", 12),
    # From midnight: the clocks change in between, so that 11 or 13 hours went by till noon.
    (BERLIN, "2026-03-29", "00:00", 12),
    (BERLIN, "2026-10-25", "00:00", 12),
    (NEW_YORK, "2026-03-08", "00:00", 12),
    (NEW_YORK, "2026-11-01", "00:00", 12),
]


@pytest.mark.parametrize(("zone", "day", "first", "left_h"), DST)
def test_hours_are_those_that_go_by_where_clocks_change(
    zone: ZoneInfo, day: str, first: str, left_h: float
) -> None:
    noon, begin = ms(f"{day} 12:00", zone), ms(f"{day} {first}", zone)
    parts = [Spent(begin, 3, USD // 2), Spent(begin + 900_000, 3, USD // 2)]
    found = project("day", 90 * USD, parts, windows.bounds("day", noon, zone), noon, zone)
    assert found
    hours = (noon - begin) / 3_600_000
    assert hours == {"10:00": 2.0}.get(first, 11.0 if "-03-" in day else 13.0)
    assert found.at_end == pytest.approx(USD + USD * left_h / hours, abs=2)


def test_a_time_after_the_change_is_one_of_the_new_clock() -> None:
    """Spent from 0:00 to 1:30; two hours later it is 4:30, because the clock skips one."""
    parts = spent(("2026-03-29 00:00", 3, 0.5), ("2026-03-29 01:00", 3, 0.25))
    text = said("day", 1.75, parts, "2026-03-29 01:30")
    assert text == "at this pace it is used up at about 04:30"
    # $0.25 more takes half an hour: what rounds to two o'clock is three.
    assert (
        said("day", 0.99, parts, "2026-03-29 01:30") == "at this pace it is used up at about 03:00"
    )


def test_a_session_of_known_length_has_a_pace_from_its_first_paid_call_on() -> None:
    bounds = (ms("2026-11-24 09:00"), ms("2026-11-24 14:00"))
    text = said("session", 9, MORNING, "2026-11-24 12:00", bounds=bounds)
    assert text == "at this pace about $2.00 by the end of this session"
    # After midnight it is another day than today.
    bounds = (ms("2026-11-24 09:00"), ms("2026-11-26 09:00"))
    text = said("session", 9, MORNING, "2026-11-24 12:00", bounds=bounds)
    assert text == "at this pace it is used up on about Wed 25 Nov"


def test_a_session_whose_time_is_over_has_none() -> None:
    bounds = (ms("2026-11-24 09:00"), ms("2026-11-24 11:30"))
    assert said("session", 9, MORNING, "2026-11-24 12:00", bounds=bounds) is None


@pytest.mark.parametrize(
    ("amount", "about"),
    [(0, 0), (7, 7), (99, 99), (104, 100), (105, 110), (314_159, 310_000), (995, 1000)],
)
def test_figures_are_rounded_to_two_digits(amount: int, about: int) -> None:
    assert rounded(amount) == about


@pytest.mark.parametrize(
    ("found", "unit", "expected"),
    [
        (Projection(3_141_592, None), "tokens", "at this pace about 3,100,000 tokens by midnight"),
        (Projection(31_415_926, None), "usd", "at this pace about $0.031 by midnight"),
        (Projection(314_159_265_358, None), "usd", "at this pace about $310.00 by midnight"),
    ],
)
def test_the_text_is_about(found: Projection, unit: Any, expected: str) -> None:
    now = ms("2026-11-24 12:00")
    assert projection_text(found, "day", unit, now, BERLIN) == expected
