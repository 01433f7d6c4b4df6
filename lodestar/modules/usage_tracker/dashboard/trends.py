"""The tab Trends: calls and money day by day, or month by month."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from lodestar.modules.usage_tracker.dashboard.drawing import bar
from lodestar.modules.usage_tracker.dashboard.groups import NOTHING
from lodestar.modules.usage_tracker.dashboard.page import Line, Page
from lodestar.modules.usage_tracker.dashboard.view import View
from lodestar.modules.usage_tracker.reports.page import DAYS_SHOWN
from lodestar.modules.usage_tracker.reports.period import Period
from lodestar.modules.usage_tracker.reports.sheet import Column

LEAST_DAYS = 14
BAR = 12
_BARS = (Column("cash_bar", "Cash bar", rank=3), Column("calls_bar", "Calls bar", rank=6))


def trends(view: View) -> Page:
    """The newest first; a period that is shorter than two weeks is shown within them."""
    period = long_enough(view.period)
    view = view.within(period)
    step = "day" if period.days <= DAYS_SHOWN else "month"
    groups = sorted(view.usage(step), key=lambda group: str(group.key[0]), reverse=True)
    sheet = view.sheet(step, groups=groups)
    most_cash = max((group.figures.cash for group in groups), default=0)
    most_calls = max((group.figures.calls for group in groups), default=0)
    rows = tuple(
        (*row, bar(one.figures.cash, most_cash, BAR), bar(one.figures.calls, most_calls, BAR))
        for row, one in zip(sheet.rows, groups, strict=True)
    )
    totals = (*sheet.totals, "", "") if sheet.totals else None
    drawn = replace(sheet, columns=sheet.columns + _BARS, rows=rows, totals=totals)
    return Page("Trends", (Line(f"{period.text()}, by {step}"),), drawn, (), NOTHING)


def long_enough(period: Period) -> Period:
    """The period, or the two weeks that end with it."""
    if period.days >= LEAST_DAYS:
        return period
    return replace(period, first=period.last - timedelta(days=LEAST_DAYS - 1))
