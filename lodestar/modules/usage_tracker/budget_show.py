"""`lodestar budget show`: the limits, with bars on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from lodestar.cli.output import note, print_json, print_table
from lodestar.loading import Context
from lodestar.modules.usage_tracker.budget_bars import label, limit_lines
from lodestar.modules.usage_tracker.budget_picture import Picture, picture, plain
from lodestar.modules.usage_tracker.budget_scope import ledger
from lodestar.terminal import one_line, printable

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
            for line in limit_lines(seen, one, title.ljust(max(map(len, titles)))):
                print(printable(line))  # noqa: T201
    for line in _remarks(context, seen):
        note(line)


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
