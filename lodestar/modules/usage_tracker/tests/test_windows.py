"""Windows follow the user's time zone, whatever its clocks do."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from lodestar.modules.usage_tracker.limits import Window
from lodestar.modules.usage_tracker.windows import bounds


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "window", "moment", "start", "hours"),
    [
        ("Europe/Berlin", "day", "2026-06-10T23:59+02:00", "2026-06-10T00:00+02:00", 24),
        ("Europe/Berlin", "day", "2026-03-29T12:00+02:00", "2026-03-29T00:00+01:00", 23),
        ("Europe/Berlin", "day", "2026-10-25T23:00+01:00", "2026-10-25T00:00+02:00", 25),
        # Clocks go from 24:00 to 01:00: the day begins at one o'clock.
        ("America/Santiago", "day", "2026-09-06T12:00-03:00", "2026-09-06T01:00-03:00", 23),
        ("Asia/Beirut", "day", "2026-03-29T12:00+03:00", "2026-03-29T01:00+03:00", 23),
        ("Asia/Kathmandu", "day", "2026-01-01T00:00+05:45", "2026-01-01T00:00+05:45", 24),
        ("Europe/Berlin", "week", "2026-01-01T12:00+01:00", "2025-12-29T00:00+01:00", 168),
        ("Europe/Berlin", "week", "2027-01-03T23:59+01:00", "2026-12-28T00:00+01:00", 168),
        ("Europe/Berlin", "week", "2026-03-29T01:00+01:00", "2026-03-23T00:00+01:00", 167),
        ("Europe/Berlin", "month", "2026-12-31T23:59+01:00", "2026-12-01T00:00+01:00", 744),
        ("Europe/Berlin", "month", "2028-02-29T12:00+01:00", "2028-02-01T00:00+01:00", 696),
        ("Europe/Berlin", "month", "2026-10-01T00:00+02:00", "2026-10-01T00:00+02:00", 745),
    ],
)
def test_a_window_is_that_of_the_local_calendar(
    zone: str, window: Window, moment: str, start: str, hours: int
) -> None:
    begins, ends = bounds(window, ms(moment), ZoneInfo(zone))
    assert (begins, (ends - begins) / 3_600_000) == (ms(start), hours)


def test_a_moment_belongs_to_the_window_that_begins_at_it() -> None:
    begins, ends = bounds("day", ms("2026-06-10T12:00+00:00"), ZoneInfo("UTC"))
    assert bounds("day", ends, ZoneInfo("UTC"))[0] == ends
    assert bounds("day", ends - 1, ZoneInfo("UTC"))[0] == begins


def test_without_a_zone_the_systems_own_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        begins, ends = bounds("day", ms("2026-03-29T12:00+02:00"), None)
        assert (begins, ends) == (ms("2026-03-29T00:00+01:00"), ms("2026-03-30T00:00+02:00"))
    finally:
        monkeypatch.undo()
        time.tzset()
