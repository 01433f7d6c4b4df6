"""Limits as bars, for whoever reads them on a terminal or at Aider's prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lodestar.modules.usage_tracker.budget_log import Key
from lodestar.modules.usage_tracker.budget_picture import Picture, origin, percent
from lodestar.modules.usage_tracker.budget_text import (
    NAMES,
    amount_text,
    limit_text,
    moment_text,
    wait_text,
)
from lodestar.modules.usage_tracker.limits import Limit
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.terminal import one_line

BAR = 20


def label(key: Key | Limit, names: Mapping[str, str]) -> str:
    """The window and, where it is not all of them, the model and the project."""
    alias = f" for {key.alias}" if key.alias else ""
    project = f" in {names.get(key.project, 'a deleted project')}" if key.project else ""
    return f"{NAMES[key.window]}{alias}{project}"


def bar(one: Standing) -> str:
    """`=` is spent, `:` is held by calls that run, `-` is left."""
    amount = one.limit.amount
    if amount == 0:
        return "=" * BAR
    spent = min(BAR, one.spent * BAR // amount)
    taken = min(BAR, -(-(one.spent + one.held) * BAR // amount)) if one.held else spent
    return "=" * spent + ":" * (taken - spent) + "-" * (BAR - taken)


def limit_lines(seen: Picture, one: Standing, title: str) -> Iterator[str]:
    """A limit, what is left of it, what happens there and what raised it."""
    limit, unit = one.limit, one.limit.unit
    if limit.window == "call":
        yield f"{title}  asks above {limit_text(limit)} (from {origin(seen, limit)})"
    elif limit.amount == 0:
        yield f"{title}  0, so paid models are closed (from {origin(seen, limit)})"
    else:
        spent = amount_text(one.spent, unit) if unit == "usd" else f"{one.spent:,}"
        yield f"{title}  [{bar(one)}] {percent(one):3}%  {spent} of {limit_text(limit)}"
        held = f", {amount_text(one.held, unit)} held by calls that run" if one.held else ""
        yield f"    {_left(one)}{held}{_reset(seen, one)}"
        yield f"    at the limit: {limit.policy}; from {origin(seen, limit)}"
    for entry in seen.raises_of(limit):
        until = moment_text(entry.until_ms or 0, seen.now, seen.zone)
        why = f": {one_line(entry.reason)}" if entry.reason else ""
        more = amount_text(entry.amount or 0, unit)
        yield f"    {more} of it until {until}, raised by {entry.who}{why}"


def _left(one: Standing) -> str:
    if one.remaining < 0:
        return f"{amount_text(-one.remaining, one.limit.unit)} over the limit"
    return f"{amount_text(one.remaining, one.limit.unit, up=False)} left"


def _reset(seen: Picture, one: Standing) -> str:
    if one.end_ms is None:
        where = (
            f"of session {seen.session[-8:].lower()}" if seen.session else "no session runs here"
        )
        return f", {where}"
    at = moment_text(one.end_ms, seen.now, seen.zone)
    return f"; resets at {at} (in {wait_text(one.end_ms - seen.now)})"
