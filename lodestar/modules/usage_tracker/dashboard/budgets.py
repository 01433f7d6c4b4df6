"""The tab Budgets: each limit, what is left of it, and how long it lasts at this pace."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from lodestar.clock import local_text
from lodestar.modules.usage_tracker import pace, windows
from lodestar.modules.usage_tracker.budget_bars import label, limit_lines
from lodestar.modules.usage_tracker.budget_picture import Picture, percent, picture_within
from lodestar.modules.usage_tracker.dashboard.page import Level, Line, Page
from lodestar.modules.usage_tracker.dashboard.view import View
from lodestar.modules.usage_tracker.limits import Limit
from lodestar.modules.usage_tracker.projection import Projection, project, projection_text
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.terminal import one_line

UNKNOWN = "too little was spent in this time to say how long it lasts"
WARN_FROM = 80
ALERTS = 3
_ALERTS = "SELECT text, created_ms FROM alerts WHERE text <> '' ORDER BY id DESC LIMIT ?"


def budgets(view: View) -> Page:
    """All limits in force."""
    seen = picture_within(view.context, view.glance, view.glance.connection)
    lines = (*_remarks(view, seen), *_limits(view, seen), *_month(view, seen), *_alerts(view))
    return Page("Budgets", lines)


def _remarks(view: View, seen: Picture) -> Iterator[Line]:
    if view.context.settings.limits.free_only:
        yield Line("free only: paid models are closed (limits.free_only)", "warn")
    if seen.behind:
        yield Line(
            "the system's clock is behind the last paid call, so paid models are refused", "fail"
        )
    if not seen.standings:
        yield Line("no limit is set on what paid models may take", "off")
        yield Line("set one: lodestar budget set --daily 2 --monthly 30", "off")
    elif view.only:
        yield Line("limits are shown whole, whatever the filter", "off")


def _limits(view: View, seen: Picture) -> Iterator[Line]:
    titles = [one_line(label(one.limit, seen.names)) for one in seen.standings]
    width = min(max(map(len, titles), default=0), 30)
    for title, one in zip(titles, seen.standings, strict=True):
        first, *rest = limit_lines(seen, one, title.ljust(width))
        yield Line(first, _level(one))
        yield from (Line(text) for text in rest)
        if one.start_ms is not None and one.end_ms is not None and one.limit.amount:
            yield Line(f"    {_lasts(view, seen, one)}")


def _lasts(view: View, seen: Picture, one: Standing) -> str:
    if one.remaining <= 0:
        return "used up"
    limit = one.limit
    found = _projection(view, seen, limit, (one.start_ms or 0, one.end_ms or 0))
    if found is None:
        return UNKNOWN
    return projection_text(found, limit.window, limit.unit, seen.now, seen.zone)


def _month(view: View, seen: Picture) -> Iterator[Line]:
    """Where the month leads to, where no limit says it already."""
    if any((one.limit.window, one.limit.unit) == ("month", "usd") for one in seen.standings):
        return
    # No limit is as much as can be.
    month = Limit("month", "usd", sys.maxsize, "stop", "none")
    found = _projection(view, seen, month, windows.bounds("month", seen.now, seen.zone))
    text = projection_text(found, "month", "usd", seen.now, seen.zone) if found else None
    yield Line(f"this month: {text}" if text else "this month: too little was spent to say more")


def _projection(
    view: View, seen: Picture, limit: Limit, bounds: tuple[int, int]
) -> Projection | None:
    spent = pace.of_window(view.glance, limit, bounds[0])
    return project(limit.window, limit.amount, spent, bounds, seen.now, seen.zone)


def _alerts(view: View) -> Iterator[Line]:
    rows = view.glance.rows(_ALERTS, (ALERTS,))
    if rows:
        yield Line("")
        yield Line("last warnings")
    for row in rows:
        when = local_text(row["created_ms"], view.context.settings.timezone)
        yield Line(f"  {when}  {one_line(row['text'])}", "off")


def _level(one: Standing) -> Level:
    used = percent(one)
    if one.limit.window == "call" or used < WARN_FROM:
        return "ok"
    return "fail" if used >= 100 else "warn"
