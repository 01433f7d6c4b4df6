"""A clock that is set back, forward, across summer time or a year opens no window twice."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from pytest_mock import MockerFixture

from lodestar.hookspecs import Refused
from lodestar.modules.usage_tracker import admission, charges
from lodestar.modules.usage_tracker.audit import audit
from lodestar.modules.usage_tracker.tests.money import WORST, limited, spend
from lodestar.store.store import Store
from tests.fakes.values import unreported

USED = {"daily": 1, "weekly": 2, "monthly": 3}
"""How many calls, each charged at its worst case, fit into a window."""
# When a call is made by the system's clock, and what it meets: `sent`, or what refuses it.
WALKS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "two days back": (
        "Europe/Berlin",
        (
            ("2026-06-10T12:00+02:00", "sent"),
            ("2026-06-10T12:01+02:00", "daily"),
            ("2026-06-08T12:00+02:00", "clock"),
            ("2026-06-09T12:00+02:00", "daily"),
            ("2026-06-10T12:02+02:00", "daily"),
        ),
    ),
    "a day forward and back again": (
        "Europe/Berlin",
        (
            ("2026-06-10T12:00+02:00", "sent"),
            ("2026-06-11T12:00+02:00", "sent"),
            # The ledger stays at the 11th, whose money is spent.
            ("2026-06-10T12:30+02:00", "daily"),
            ("2026-06-11T12:30+02:00", "daily"),
            ("2026-06-12T00:00+02:00", "weekly"),
        ),
    ),
    "a day of 23 hours": (
        "Europe/Berlin",
        (
            ("2026-03-29T00:00+01:00", "sent"),
            ("2026-03-29T03:00+02:00", "daily"),
            ("2026-03-29T23:59+02:00", "daily"),
            ("2026-03-30T00:00+02:00", "sent"),
        ),
    ),
    "a day of 25 hours": (
        "Europe/Berlin",
        (
            ("2026-10-25T00:00+02:00", "sent"),
            # Half past two, twice.
            ("2026-10-25T02:30+02:00", "daily"),
            ("2026-10-25T02:30+01:00", "daily"),
            ("2026-10-25T23:59+01:00", "daily"),
            ("2026-10-26T00:00+01:00", "sent"),
        ),
    ),
    "a day without midnight": (
        "America/Santiago",
        (
            ("2026-09-05T23:59-04:00", "sent"),
            ("2026-09-06T01:00-03:00", "sent"),
            ("2026-09-06T23:59-03:00", "daily"),
        ),
    ),
    "new year inside a week": (
        "Europe/Berlin",
        (
            ("2026-12-30T12:00+01:00", "sent"),
            ("2026-12-31T23:59+01:00", "sent"),
            # Another day, month and year, but still week 53 of 2026.
            ("2027-01-01T00:00+01:00", "weekly"),
            ("2027-01-03T23:59+01:00", "weekly"),
            ("2027-01-04T00:00+01:00", "sent"),
        ),
    ),
    "a month that ends inside a week": (
        "Europe/Berlin",
        (
            ("2026-09-07T12:00+02:00", "sent"),
            ("2026-09-14T12:00+02:00", "sent"),
            ("2026-09-28T12:00+02:00", "sent"),
            ("2026-09-30T23:59+02:00", "monthly"),
            ("2026-10-01T00:00+02:00", "sent"),
            ("2026-10-02T00:00+02:00", "weekly"),
        ),
    ),
}


@pytest.mark.parametrize(("zone", "walk"), WALKS.values(), ids=WALKS)
def test_no_step_of_the_clock_opens_a_window_twice(
    store: Store, mocker: MockerFixture, zone: str, walk: tuple[tuple[str, str], ...]
) -> None:
    limits = {f"{name}_usd": f"{count * WORST / 10**9:.9f}" for name, count in USED.items()}
    settings = limited(**limits).model_copy(update={"timezone": zone})
    for number, (moment, expected) in enumerate(walk):
        ms = int(datetime.fromisoformat(moment).astimezone(timezone.utc).timestamp() * 1000)
        for module in (admission, charges):
            mocker.patch.object(module, "now_ms", return_value=ms)
        try:
            spend(store, unreported(), settings)
            met = "sent"
        except Refused as refused:
            met = refused.limit_source.removeprefix("limits.").removesuffix("_usd")
        assert met == expected, f"step {number}, {moment}"
    assert audit(store).findings == ()
