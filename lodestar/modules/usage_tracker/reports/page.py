"""The report as one page: questions, each with its answer, a chart and the figures behind it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from lodestar.modules.usage_tracker.reports import charts
from lodestar.modules.usage_tracker.reports.by_model import models_sheet
from lodestar.modules.usage_tracker.reports.by_project import projects_sheet
from lodestar.modules.usage_tracker.reports.figures import Figures, total
from lodestar.modules.usage_tracker.reports.overrides import overrides_sheet
from lodestar.modules.usage_tracker.reports.paid_calls import reasons_sheet
from lodestar.modules.usage_tracker.reports.period import Period
from lodestar.modules.usage_tracker.reports.quality import Quality, quality
from lodestar.modules.usage_tracker.reports.sheet import Sheet
from lodestar.modules.usage_tracker.reports.usage import Group, Wanted, usage
from lodestar.modules.usage_tracker.reports.usage_sheet import notes, usage_sheet
from lodestar.modules.usage_tracker.reports.words import dollars, percent

MONEY = 1e9
DAYS_SHOWN = 62
"""A longer period is shown by months."""
ENOUGH = 10
"""Fewer changes say nothing about a model."""


@dataclass(frozen=True)
class Section:
    """A question, its answer in a sentence, a chart (SVG) or none, and the figures."""

    id: str
    question: str
    answer: str
    sheet: Sheet
    chart: str | None = None


@dataclass(frozen=True)
class Page:
    """What the page shows. `headline` are pairs of a figure and what it is."""

    title: str
    period: str
    headline: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    sections: tuple[Section, ...]


Names = Mapping[str, Mapping[str | int, str]]


@dataclass(frozen=True)
class Source:
    """What a page is made from: an open ledger, what is counted, and how projects are called."""

    connection: sqlite3.Connection
    wanted: Wanted
    names: Names
    today: date

    def by(self, *keys: str) -> list[Group]:
        """The groups by these keys."""
        return usage(self.connection, replace(self.wanted, by=keys))

    def quality_by(self, *keys: str) -> dict[tuple[str | int, ...], Quality]:
        """What became of the answers, by these keys."""
        return quality(self.connection, replace(self.wanted, by=keys))

    def sheet(self, *keys: str) -> Sheet:
        """The usage report by these keys."""
        wanted = replace(self.wanted, by=keys)
        made = usage_sheet(wanted, self.by(*keys), self.quality_by(*keys), self.names)
        return _shown(made)

    @property
    def step(self) -> str:
        """How the period is cut for charts."""
        return "day" if self.wanted.period.days <= DAYS_SHOWN else "month"


def page(source: Source) -> Page:
    """The page of a period."""
    whole = total(group.figures for group in source.by())
    questions = (_cost, _why, _saved, _good_enough, _projects, _overridden)
    return Page(
        "Lodestar: what AI coding cost and saved",
        source.wanted.period.text(),
        _headline(whole),
        tuple(notes(whole)),
        tuple(question(source, whole) for question in questions),
    )


def _shown(sheet: Sheet) -> Sheet:
    return sheet.only([column.name for column in sheet.columns if not column.spare])


def _headline(whole: Figures) -> tuple[tuple[str, str], ...]:
    avoided, share = whole.avoided_known, whole.free_share
    return (
        (dollars(whole.cash) + ("+" if whole.unpriced else ""), "cash: what was billed"),
        ("-" if avoided is None else dollars(avoided), "avoided: what free work would have cost"),
        ("-" if share is None else percent(share), "of all calls were free"),
        (f"{whole.calls:,}", "calls"),
    )


def _cost(source: Source, whole: Figures) -> Section:
    before = _before(source)
    earlier = replace(source.wanted, period=before, by=())
    then = total(group.figures for group in usage(source.connection, earlier))
    change = f" The {before.days} days before: {dollars(then.cash)}." if then.calls else ""
    answer = (
        f"{dollars(whole.cash)} were billed for {whole.calls - whole.free:,} paid calls.{change}"
    )
    series = _series(source, "alias", lambda figures: figures.cash)
    chart = charts.bars(*series, "$") if whole.cash else None
    return Section("cost", "What did it cost?", answer, source.sheet("model"), chart)


def _saved(source: Source, whole: Figures) -> Section:
    avoided = whole.avoided_known
    if avoided is None:
        answer = "Nothing to compare with: name a paid model as modules.usage_tracker.compare_with."
    else:
        answer = (
            f"{dollars(avoided)} were avoided: the same tokens on the paid model compared with."
            " That is no bill, and it is not added to any."
        )
    series = _series(source, "alias", lambda figures: figures.avoided)
    chart = charts.bars(*series, "$") if avoided else None
    return Section("saved", "What did it save?", answer, source.sheet(source.step), chart)


def _good_enough(source: Source, whole: Figures) -> Section:
    found = source.quality_by("week", "alias")
    aliases = sorted({str(key[1]) for key in found})
    weeks = sorted({str(key[0]) for key in found})
    shares = {alias: [_share(found.get((week, alias))) for week in weeks] for alias in aliases}
    chart = charts.lines(weeks, shares, "%") if len(weeks) > 1 else None
    free = _free_quality(source)
    sheet = _shown(models_sheet(source.connection, replace(source.wanted, by=("alias",))))
    return Section("quality", "Is the free model good enough?", _verdict(free), sheet, chart)


def _free_quality(source: Source) -> Quality:
    found = source.quality_by("billing")
    return sum((one for key, one in found.items() if key[0] != "payg"), Quality())


def _verdict(free: Quality) -> str:
    said = f" People rated {free.good} good and {free.bad} bad." if free.good + free.bad else ""
    share = free.kept_share
    if share is None:
        return f"No change by a free model was committed in this time.{said}"
    kept = (
        f"{free.kept:,} of {free.changes:,} changes by free models still stand ({percent(share)})."
    )
    few = " That is too few to go by." if free.changes < ENOUGH else ""
    return kept + few + said


def _projects(source: Source, whole: Figures) -> Section:
    wanted = replace(source.wanted, by=("project",))
    sheet = _shown(projects_sheet(source.connection, wanted, source.names))
    count = len(sheet.rows)
    answer = f"{count} project{'' if count == 1 else 's'} had calls; each line is what it used."
    return Section("projects", "Who used it?", answer, sheet)


def _why(source: Source, whole: Figures) -> Section:
    sheet = _shown(reasons_sheet(source.connection, replace(source.wanted, by=())))
    if not whole.calls - whole.free:
        return Section("why", "Why was it paid for?", "Nothing was paid for.", sheet)
    answer = "Each paid call has its reason: `lodestar usage why` lists them one by one."
    return Section("why", "Why was it paid for?", answer, sheet)


def _overridden(source: Source, whole: Figures) -> Section:
    sheet = overrides_sheet(source.connection, source.wanted.period, source.names)
    count = len(sheet.rows)
    answer = f"{count} change{'' if count == 1 else 's'} of a budget." if count else "Nobody."
    return Section("overrides", "Who changed a limit?", answer, sheet)


def _share(one: Quality | None) -> float | None:
    share = one.kept_share if one else None
    return None if share is None else share * 100


def _series(
    source: Source, key: str, amount: Callable[[Figures], int]
) -> tuple[list[str], dict[str, list[float | None]]]:
    """Labels, and dollars by the values of a key; what is nothing throughout is left out."""
    groups = source.by(source.step, key)
    labels = sorted({str(group.key[0]) for group in groups})
    values: dict[str, dict[str, int]] = {}
    for group in groups:
        values.setdefault(str(group.key[1]), {})[str(group.key[0])] = amount(group.figures)
    return labels, {
        name or "-": [one.get(label, 0) / MONEY for label in labels]
        for name, one in values.items()
        if any(one.values())
    }


def _before(source: Source) -> Period:
    """As many days before the period as of it have been."""
    period = source.wanted.period
    days = (min(period.last, source.today) - period.first).days + 1
    last = period.first - timedelta(days=1)
    return replace(period, first=last - timedelta(days=max(1, days) - 1), last=last)
