"""How far the money goes at the pace so far: said only where there is enough to go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo

from lodestar.modules.usage_tracker import windows
from lodestar.modules.usage_tracker.budget_text import amount_text
from lodestar.modules.usage_tracker.limits import Unit, Window

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
LEAST_MS: dict[Window, int] = {
    "session": 30 * MINUTE_MS,
    "day": 30 * MINUTE_MS,
    "week": DAY_MS,
    "month": 3 * DAY_MS,
}
"""A pace is known after so long."""
LEAST_CALLS = 5
LEAST_QUARTERS = 2
ROUND_MS = 10 * MINUTE_MS
ENDS: dict[Window, str] = {
    "session": "the end of this session",
    "day": "midnight",
    "week": "the end of the week",
    "month": "the end of the month",
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Spent:
    """What was spent in one quarter-hour by how many paid calls, nano-dollars or tokens."""

    quarter_ms: int
    calls: int
    amount: int


@dataclass(frozen=True)
class Projection:
    """`at_end` is what is spent by the end of the window.

    `full_ms` is when the limit is used up, None where it lasts.
    """

    at_end: int
    full_ms: int | None


def project(
    window: Window,
    amount: int,
    spent: Sequence[Spent],
    bounds: tuple[int, int],
    now_ms: int,
    zone: tzinfo | None,
) -> Projection | None:
    """What becomes of a limit if the spending goes on as it did; None without enough data.

    `bounds` are the window's. The pace of a day or a session is taken from its first paid
    call on, that of a week or a month from the midnight before it, so that nights count.
    """
    total = sum(one.amount for one in spent)
    used = [one.quarter_ms for one in spent if one.amount > 0]
    calls = sum(one.calls for one in spent)
    if len(used) < LEAST_QUARTERS or calls < LEAST_CALLS or not total < amount:
        return None
    since = min(used)
    if window in ("week", "month"):
        since = windows.bounds("day", since, zone)[0]
    start, end = bounds
    elapsed = now_ms - max(start, since)
    if elapsed < LEAST_MS[window] or end <= now_ms:
        return None
    at_end = total + total * (end - now_ms) // elapsed
    full = now_ms + (amount - total) * elapsed // total
    return Projection(at_end, full if full < end else None)


def projection_text(
    found: Projection, window: Window, unit: Unit, now_ms: int, zone: tzinfo | None
) -> str:
    """The projection in words; its figures are rounded."""
    if found.full_ms is None:
        at_end = amount_text(rounded(found.at_end), unit)
        return f"at this pace about {at_end} by {ENDS[window]}"
    return f"at this pace it is used up {_when(found.full_ms, now_ms, zone)}"


def rounded(amount: int) -> int:
    """Two digits and zeros: 3,141,592 is about 3,100,000."""
    step = int(10 ** max(0, len(str(amount)) - 2))
    return (amount + step // 2) // step * step


def _when(ms: int, now_ms: int, zone: tzinfo | None) -> str:
    if ms - now_ms < ROUND_MS:
        return "within 10 minutes"
    now, at = _local(now_ms, zone), _local(ms, zone)
    if now.date() == at.date():
        # In UTC, because an hour may be skipped right after it.
        more = (at.minute + 5) // 10 * 10 - at.minute
        return f"at about {_local(ms + more * MINUTE_MS, zone):%H:%M}"
    return f"on about {_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]}"


def _local(ms: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=timezone.utc).astimezone(zone)
