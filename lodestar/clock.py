"""Time as Lodestar stores it: UTC, in whole milliseconds."""

from __future__ import annotations

import time
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo


def now_ms() -> int:
    """The current time in UTC milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def boot_seconds() -> float:
    """Seconds since boot, suspend included where the system can tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def awake_seconds() -> float:
    """Seconds since boot, without those in which the machine slept."""
    # macOS counts sleep in its monotonic clock, and has another one without it.
    return time.clock_gettime(getattr(time, "CLOCK_UPTIME_RAW", time.CLOCK_MONOTONIC))


def zone(name: str | None) -> tzinfo | None:
    """The named IANA time zone, or None for the system's own."""
    return ZoneInfo(name) if name else None


def local_text(ms: int, zone_name: str | None = None) -> str:
    """UTC milliseconds as `YYYY-MM-DD HH:MM` in the named zone."""
    moment = datetime.fromtimestamp(ms / 1000, tz=timezone.utc)
    return moment.astimezone(zone(zone_name)).strftime("%Y-%m-%d %H:%M")
