"""Limits in words and figures for people."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo

from lodestar.modules.usage_tracker.limits import Limit, Unit, Window
from lodestar.money import dollars_text, plain_dollars

NAMES: dict[Window, str] = {
    "call": "one call",
    "session": "session",
    "day": "day",
    "week": "week",
    "month": "month",
}
_DAY_MS = 24 * 3_600_000


def amount_text(amount: int, unit: Unit, up: bool = True) -> str:
    """`$2.00` or `200,000 tokens`; what is finer than 0.01 cent is rounded up, or down."""
    if unit == "tokens":
        return f"{amount:,} tokens"
    return dollars_text(amount, up)


def exact_amount(amount: int, unit: Unit) -> str | int:
    """For programs: dollars as a decimal string to the last digit, tokens as a number."""
    if unit == "tokens":
        return amount
    return f"{'-' if amount < 0 else ''}{plain_dollars(abs(amount))}"


def limit_text(limit: Limit) -> str:
    """An amount that somebody set, to its last digit."""
    if limit.unit == "tokens":
        return amount_text(limit.amount, limit.unit)
    return f"${plain_dollars(limit.amount)}"


def moment_text(ms: int, now_ms: int, zone: tzinfo | None) -> str:
    """A moment in the user's zone: only the time where it is within a day."""
    near = now_ms <= ms <= now_ms + _DAY_MS
    return _local(ms, zone).strftime("%H:%M" if near else "%Y-%m-%d %H:%M")


def iso(ms: int, zone: tzinfo | None) -> str:
    """A moment for programs, with its offset from UTC."""
    return _local(ms, zone).isoformat(timespec="minutes")


def wait_text(ms: int) -> str:
    """How long until then: `5 h 12 min`, `3 days`."""
    minutes = max(1, -(-ms // 60_000))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} days"


def _local(ms: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=timezone.utc).astimezone(zone)
