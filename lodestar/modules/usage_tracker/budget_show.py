"""`lodestar budget show`: the limits, with bars on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from lodestar.cli.output import note, print_json, print_table
from lodestar.loading import Context
from lodestar.modules.usage_tracker.budget_edit import label
from lodestar.modules.usage_tracker.budget_picture import Picture, origin, percent, picture, plain
from lodestar.modules.usage_tracker.budget_scope import ledger
from lodestar.modules.usage_tracker.budget_text import (
    amount_text,
    limit_text,
    moment_text,
    wait_text,
)
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.terminal import one_line, printable

BAR = 20
COLUMNS = (
    *("window", "unit", "project", "model", "limit", "spent", "held", "remaining", "percent"),
    *("resets_at", "on_limit", "origin"),
)


def show(context: Context, json: bool) -> None:
    """Print all limits."""
    with ledger(context) as store:
        seen = picture(context, store)
    data = [plain(seen, one) for one in seen.standings]
    free_only = context.settings.limits.free_only
    if json:
        more = {"tz": context.settings.timezone, "session": seen.session}
        print_json("budget", data, **more, free_only=free_only, clock_behind=seen.behind)
    elif not sys.stdout.isatty():
        print_table(COLUMNS, [[row[column] for column in COLUMNS] for row in data])
    else:
        titles = [one_line(label(one.limit, seen.names)) for one in seen.standings]
        for title, one in zip(titles, seen.standings, strict=True):
            for line in _lines(seen, one, title.ljust(max(map(len, titles)))):
                print(printable(line))  # noqa: T201
    for line in _remarks(context, seen):
        note(line)


def bar(one: Standing) -> str:
    """`=` is spent, `:` is held by calls that run, `-` is left."""
    amount = one.limit.amount
    if amount == 0:
        return "=" * BAR
    spent = min(BAR, one.spent * BAR // amount)
    taken = min(BAR, -(-(one.spent + one.held) * BAR // amount)) if one.held else spent
    return "=" * spent + ":" * (taken - spent) + "-" * (BAR - taken)


def _lines(seen: Picture, one: Standing, title: str) -> Iterator[str]:
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


def _remarks(context: Context, seen: Picture) -> Iterator[str]:
    """What is to be known besides the limits, for the person."""
    if context.settings.limits.free_only:
        where = context.origins.get("limits.free_only", "default")
        yield f"free only: paid models are closed (limits.free_only, {where})"
    if seen.behind:
        yield "the system's clock is more than a day behind the last paid call, so paid models"
        yield "are refused; set the clock, or where it is right now: lodestar budget clock-reset"
    if not seen.standings:
        yield "no limit is set on what paid models may take; a session may have its own (--budget)"
        yield "set one: lodestar budget set --daily 2 --monthly 30"
