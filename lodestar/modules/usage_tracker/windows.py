"""Windows of time: the day, ISO week and month of the user's time zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone, tzinfo

from lodestar.modules.usage_tracker.limits import Window


def bounds(window: Window, moment_ms: int, zone: tzinfo | None) -> tuple[int, int]:
    """Start and end of the day, week or month around a moment, UTC milliseconds.

    `zone` None is the system's. A day has 23 to 25 hours where clocks change.
    """
    first, after = _days(window, day_of(moment_ms, zone))
    return midnight(first, zone), midnight(after, zone)


def day_of(moment_ms: int, zone: tzinfo | None) -> date:
    """The day in the zone that a moment is in."""
    return datetime.fromtimestamp(moment_ms / 1000, tz=timezone.utc).astimezone(zone).date()


def _days(window: Window, today: date) -> tuple[date, date]:
    """The first day of the window, and the first day after it."""
    if window == "day":
        return today, today + timedelta(days=1)
    if window == "week":
        first = today - timedelta(days=today.weekday())
        return first, first + timedelta(days=7)
    first = today.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def midnight(day: date, zone: tzinfo | None) -> int:
    """The day's first moment, UTC milliseconds.

    Where clocks skip midnight, the offset from before the gap leads to the end of the gap.
    """
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(start.astimezone(timezone.utc).timestamp() * 1000)
