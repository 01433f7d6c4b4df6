"""Amounts and moments as people type them."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from lodestar.errors import UsageError
from lodestar.modules.usage_tracker.budget_input import parse_amount, parse_until
from lodestar.modules.usage_tracker.budget_text import amount_text, exact_amount, wait_text
from lodestar.modules.usage_tracker.limits import Unit

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("2", 2_000_000_000),
        ("$2", 2_000_000_000),
        ("2.5", 2_500_000_000),
        ("0.50", 500_000_000),
        (".5", 500_000_000),
        (" 1 ", 1_000_000_000),
        ("0", 0),
        ("0.000000001", 1),
        ("1.100000000000", 1_100_000_000),
        ("1000000", 1_000_000_000_000_000),
    ],
)
def test_money_is_read_to_the_nano_dollar(text: str, nano: int) -> None:
    assert parse_amount(text, tokens=False) == nano


@pytest.mark.parametrize(
    "text",
    ["-1", "-0", "nan", "inf", "1e3", "2,5", "1,000", "", "$", "two", "2 $", "0x10", "1_000",
     "1000000.01", "99999999999999", "0.0000000001", "2\n3", "\u0662", "+1"],
)  # fmt: skip
def test_what_is_no_amount_is_refused_in_three_lines(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_amount(text, tokens=False)
    assert [line[:6] for line in str(caught.value).splitlines()] == ["error:", "why:  ", "do:   "]


@pytest.mark.parametrize(
    ("text", "count"),
    [("200000", 200_000), ("200k", 200_000), ("1.5M", 1_500_000), ("1.5m", 1_500_000),
     ("2G", 2 * 10**9), ("0", 0), ("1000000G", 10**15)],
)  # fmt: skip
def test_tokens_are_read_with_their_suffix(text: str, count: int) -> None:
    assert parse_amount(text, tokens=True) == count


@pytest.mark.parametrize(
    "text", ["-1", "1.5", "1.0005k", "k", "200kk", "$2", "nan", "1e6", "", "1000001G"]
)
def test_what_is_no_count_of_tokens_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_amount(text, tokens=True)


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    """A local time with its offset written out, so that no rule of a zone is used."""
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo
    return int(moment.astimezone(timezone.utc).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "text", "until"),
    [
        ("2026-11-24T18:48+01:00", "midnight", "2026-11-25T00:00+01:00"),
        ("2026-11-24T00:00+01:00", "midnight", "2026-11-25T00:00+01:00"),
        ("2026-11-24T18:48+01:00", "1h", "2026-11-24T19:48+01:00"),
        ("2026-11-24T18:48+01:00", "90m", "2026-11-24T20:18+01:00"),
        ("2026-11-24T18:48+01:00", "2d", "2026-11-26T18:48+01:00"),
        ("2026-11-24T18:48+01:00", "2026-11-30", "2026-12-01T00:00+01:00"),
        ("2026-11-24T18:48+01:00", "2026-11-24", "2026-11-25T00:00+01:00"),
        ("2026-11-24T18:48+01:00", "2026-11-30 18:00", "2026-11-30T18:00+01:00"),
        ("2026-11-24T18:48+01:00", "2026-11-30T18:00+05:00", "2026-11-30T14:00+01:00"),
        # The day on which clocks go back has 25 hours, the one on which they go forward 23.
        ("2026-10-25T00:30+02:00", "midnight", "2026-10-26T00:00+01:00"),
        ("2026-03-29T00:30+01:00", "midnight", "2026-03-30T00:00+02:00"),
        ("2026-10-24T12:00+02:00", "2026-10-25", "2026-10-26T00:00+01:00"),
        ("2026-10-24T12:00+02:00", "1d", "2026-10-25T11:00+01:00"),
        # A time that comes twice is the first, one that is skipped is as long after the gap.
        ("2026-10-24T12:00+02:00", "2026-10-25 02:30", "2026-10-25T02:30+02:00"),
        ("2026-03-28T12:00+01:00", "2026-03-29 02:30", "2026-03-29T03:30+02:00"),
    ],
)
def test_a_moment_is_meant_in_the_users_zone(now: str, text: str, until: str) -> None:
    assert parse_until(text, at(now), BERLIN) == at(until)


def test_midnight_may_be_skipped_by_the_clocks() -> None:
    """In Cairo the day of 24 April 2026 begins at one o'clock."""
    now = at("2026-04-23T20:00+02:00")
    assert parse_until("midnight", now, ZoneInfo("Africa/Cairo")) == at("2026-04-24T01:00+03:00")


@pytest.mark.parametrize(
    "text",
    ["tomorrow", "2026-13-01", "2026-11-24 18:00", "2026-11-23", "0h", "-1h", "1y", "",
     "9999-12-31", "999999w 1", "2026-11-30 25:00"],
)  # fmt: skip
def test_a_moment_that_is_over_or_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_until(text, at("2026-11-24T18:48+01:00"), BERLIN)
    assert "2026-11-30 18:00" in caught.value.do


def test_the_systems_zone_counts_where_none_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        until = parse_until("2026-11-30 18:00", at("2026-11-24T18:48+01:00"), None)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert until == at("2026-11-30T18:00-05:00")


@pytest.mark.parametrize(
    ("amount", "unit", "up", "shown", "exact"),
    [
        (2_000_000_000, "usd", True, "$2.00", "2.00"),
        (12_345_678, "usd", True, "$0.0124", "0.012345678"),
        (12_345_678, "usd", False, "$0.0123", "0.012345678"),
        (1, "usd", True, "$0.0001", "0.000000001"),
        (-1_500_000_000, "usd", False, "-$1.50", "-1.50"),
        (0, "usd", True, "$0.00", "0.00"),
        (1_500_000, "tokens", True, "1,500,000 tokens", 1_500_000),
    ],
)
def test_amounts_are_shown_for_people_and_exactly_for_programs(
    amount: int, unit: Unit, up: bool, shown: str, exact: str | int
) -> None:
    assert (amount_text(amount, unit, up), exact_amount(amount, unit)) == (shown, exact)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(1, "1 min"), (59 * 60_000, "59 min"), (5 * HOUR + 12 * 60_000, "5 h 12 min"),
     (47 * HOUR, "47 h 0 min"), (6 * 24 * HOUR, "6 days")],
)  # fmt: skip
def test_how_long_is_said_in_words(ms: int, text: str) -> None:
    assert wait_text(ms) == text
