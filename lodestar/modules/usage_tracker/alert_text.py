"""An alert in words for people and in figures for programs."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from lodestar.modules.usage_tracker import refusals
from lodestar.modules.usage_tracker.alert_log import Alert
from lodestar.modules.usage_tracker.budget_text import (
    amount_text,
    exact_amount,
    iso,
    limit_text,
    moment_text,
)
from lodestar.modules.usage_tracker.projection import Projection, projection_text
from lodestar.modules.usage_tracker.standing import Standing

SCHEMA = "lodestar.alert/1"


def sentence(
    one: Standing, threshold: int, found: Projection | None, now_ms: int, zone: tzinfo | None
) -> str:
    """`80 % of the daily limit: $1.62 of $2.00 used; at this pace it is used up ...`."""
    limit = one.limit
    spent = f"{one.spent:,}" if limit.unit == "tokens" else amount_text(one.spent, limit.unit)
    said = f"{share(one, threshold)}: {spent} of {limit_text(limit)} used"
    if found:
        return f"{said}; {projection_text(found, limit.window, limit.unit, now_ms, zone)}"
    if threshold == 100 and one.end_ms is not None:
        return f"{said}; it starts anew at {moment_text(one.end_ms, now_ms, zone)}"
    return said


def title(one: Standing, threshold: int, now_ms: int, zone: tzinfo | None) -> str:
    """For the terminal's title, which stays: with its time, so that it is true later, too."""
    return f"Lodestar {moment_text(now_ms, now_ms, zone)}: {share(one, threshold)}"


def share(one: Standing, threshold: int) -> str:
    """`81 % of the daily limit for gpt-4o`: what is really spent, once a threshold is passed."""
    # A price of 0 has no share; such a limit never alerts.
    spent = one.spent * 100 // max(1, one.limit.amount)
    return f"{max(spent, threshold)} % of the {refusals.title(one.limit)}"


def plain(alert: Alert, one: Standing, zone: tzinfo | None) -> dict[str, Any]:
    """The alert for the user's program."""
    limit, unit = one.limit, one.limit.unit
    projected = None if alert.projected is None else exact_amount(alert.projected, unit)
    return {
        "schema": SCHEMA,
        "limit": refusals.title(limit),
        "source": limit.source,
        "window": limit.window,
        "unit": unit,
        "model": limit.alias,
        "threshold": alert.threshold,
        "spent": exact_amount(alert.spent, unit),
        "amount": exact_amount(alert.amount, unit),
        "projected": projected,
        "resets_at": iso(one.end_ms, zone) if one.end_ms else None,
        "text": alert.text,
    }
