"""A day is a day of the user's, and its sums are the same whatever they are printed as."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from lodestar.modules.usage_tracker.reports.words import dollars
from lodestar.modules.usage_tracker.tests.filled import CLAUDE, Filled, ms
from lodestar.modules.usage_tracker.tests.usage_cli import as_csv, as_json, as_markdown, filled
from lodestar.money import NANO
from tests.cli.conftest import Cli, cli, home

__all__ = ["cli", "filled", "home"]
CHANGES = [
    ("Europe/Berlin", "2026-03-29", 23),
    ("Europe/Berlin", "2026-10-25", 25),
    ("America/New_York", "2026-03-08", 23),
    ("America/New_York", "2026-11-01", 25),
    # Half an hour, and an offset that is not whole.
    ("Australia/Lord_Howe", "2026-04-05", 24.5),
    ("Australia/Lord_Howe", "2026-10-04", 23.5),
    # Clocks are put forward at midnight: the day begins at one.
    ("America/Havana", "2026-03-08", 23),
]


@pytest.mark.parametrize(("zone", "day", "hours"), CHANGES)
def test_totals_are_the_same_in_every_format_across_the_change_of_clocks(
    cli: Cli,
    filled: Filled,
    monkeypatch: pytest.MonkeyPatch,
    zone: str,
    day: str,
    hours: float,
) -> None:
    monkeypatch.setenv("LODESTAR_TIMEZONE", zone)
    calls = _every_quarter(filled, day)
    inside = [(at, cash) for at, cash in calls if _day(at, zone) == day]
    assert len(inside) == hours * 4
    around = [str(datetime.fromisoformat(day).date() + timedelta(days=n)) for n in (-1, 0, 1)]
    period = ("usage", "--since", around[0], "--until", around[2])

    whole = as_json(cli, *period)
    by_day = {row["day"]: row["calls"] for row in whole["data"]}
    assert by_day == {
        d: n for d, n in Counter(_day(at, zone) for at, _ in calls).items() if d in around
    }
    expected = sum(cash for at, cash in calls if _day(at, zone) in around)
    assert _nano(whole["totals"]["cash_usd"]) == expected
    assert sum(_nano(row["cash_usd"]) for row in as_csv(cli, *period)) == expected
    *rows, last = as_markdown(cli, *period)
    cash = [_nano(row["Cash"].strip("*$")) for row in (*rows, last)]
    assert (sum(cash[:-1]), cash[-1]) == (expected, expected)
    piped = cli(*period, "--format", "tsv", "--fields", "cash_usd").rows
    assert sum(_nano(row[0]) for row in piped) == expected

    one = as_json(cli, "usage", "--since", day, "--until", day, "--by", "month,model")["totals"]
    assert _nano(one["cash_usd"]) == sum(cash for _, cash in inside)
    assert one["calls"] == len(inside)


def test_a_cell_on_a_screen_is_the_exact_amount_rounded() -> None:
    assert dollars(12_345_000_000) == "$12.35"
    assert dollars(1) == "$0.0001"


def _every_quarter(filled: Filled, day: str) -> list[tuple[int, int]]:
    """Paid calls of odd amounts, from two days before noon of a day to two days after."""
    noon = ms(f"{day}T12:00")
    for step in range(-4 * 48, 4 * 48):
        at = noon + step * 15 * 60_000 + 7
        filled.call(at, None, CLAUDE, cash=1_000_003 + (step + 192) * 7)
    return filled.moments


def _day(at: int, zone: str) -> str:
    moment = datetime.fromtimestamp(at / 1000, tz=timezone.utc)
    return moment.astimezone(ZoneInfo(zone)).date().isoformat()


def _nano(text: str) -> int:
    return int(Decimal(text) * NANO)
