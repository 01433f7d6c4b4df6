"""The sheet of `lodestar usage`: one row a group, with figures and quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lodestar.modules.usage_tracker.reports.figures import Figures, total
from lodestar.modules.usage_tracker.reports.quality import Quality
from lodestar.modules.usage_tracker.reports.sheet import Cell, Column, Sheet
from lodestar.modules.usage_tracker.reports.usage import Group, Wanted

Key = tuple[str | int, ...]
FIGURES = (
    Column("calls", "Calls", "count"),
    Column("free", "Free", "share", rank=2),
    Column("input_tokens", "In", "tokens", rank=5),
    Column("output_tokens", "Out", "tokens", rank=4),
    Column("cached_tokens", "Cached", "tokens", rank=9),
    Column("cash_usd", "Cash", "usd", money=True),
    Column("list_usd", "List", "usd", rank=8, money=True),
    Column("avoided_usd", "Avoided", "usd", rank=1, money=True),
    Column("kept", "Kept", "share", rank=3),
    Column("good", "Good", "count", rank=6),
    Column("bad", "Bad", "count", rank=7),
    Column("reasoning_tokens", "Thought", "tokens", spare=True),
    Column("cache_written_tokens", "Cache written", "tokens", spare=True),
    Column("assumed_usd", "Assumed", "usd", money=True, spare=True),
    Column("unpriced_calls", "Unpriced", "count", money=True, spare=True),
    Column("unlisted_calls", "Unlisted", "count", money=True, spare=True),
    Column("unavoided_calls", "Uncompared", "count", money=True, spare=True),
    Column("changes", "Changes", "count", spare=True),
)
TITLES = {
    "day": "Day",
    "week": "Week of",
    "month": "Month",
    "session": "Session",
    "project": "Project",
    "model": "Model",
    "alias": "Alias",
    "tier": "Tier",
    "kind": "Kind",
    "branch": "Branch",
    "tag": "Tag",
    "billing": "Billing",
}


def usage_sheet(
    wanted: Wanted,
    groups: Sequence[Group],
    quality: Mapping[Key, Quality],
    names: Mapping[str, Mapping[str | int, str]] | None = None,
) -> Sheet:
    """The groups as rows. `names` says how a key's values are called, such as projects by id.

    Changes and ratings of answers that nothing was counted for are in the totals alone.
    """
    keys = tuple(Column(name, TITLES[name]) for name in wanted.by)
    rows = tuple(
        (
            *named(wanted.by, group.key, names or {}),
            *cells_of(group.figures, quality.get(group.key)),
        )
        for group in groups
    )
    whole = total(group.figures for group in groups)
    last = cells_of(whole, sum(quality.values(), Quality()))
    return Sheet(
        "usage",
        f"Usage, {wanted.period.text()}",
        keys + FIGURES,
        rows,
        (*total_key(len(keys)), *last) if keys else None,
        notes=tuple(notes(whole)),
        facts=facts_of(wanted),
    )


def notes(whole: Figures) -> list[str]:
    """What a reader of the figures must know."""
    if whole == Figures():
        return ["nothing was used in this time"]
    lines = []
    if whole.unpriced:
        lines.append(
            f"{calls_text(whole.unpriced)} to paid models have no price: cash is a lower bound;"
            " see lodestar prices"
        )
    if whole.assumed:
        lines.append(
            "some of the cash is a worst case, because the provider did not say what was used;"
            " see lodestar budget reconcile"
        )
    if whole.avoided:
        lines.append(
            "avoided is no bill: it is what the tokens of free work would have cost on the paid"
            " model it is compared with"
        )
    return lines


def calls_text(count: int) -> str:
    """So many calls, in words."""
    return "1 call" if count == 1 else f"{count:,} calls"


def facts_of(wanted: Wanted) -> dict[str, Any]:
    """What stands beside the data in JSON: the period and what was chosen."""
    period = wanted.period
    return {
        "tz": getattr(period.zone, "key", None),
        "since": period.first.isoformat(),
        "until": period.last.isoformat(),
        "by": list(wanted.by),
        "filters": dict(wanted.only),
        "currency": "USD",
    }


def total_key(count: int) -> tuple[Cell, ...]:
    """The first cells of the totals' row, where the rows have keys."""
    return ("Total", *("" for _ in range(count - 1)))


def named(
    by: Sequence[str], key: Key, names: Mapping[str, Mapping[str | int, str]]
) -> tuple[Cell, ...]:
    """A key as people call it; `-` is what is not known."""
    return tuple(
        names.get(name, {}).get(value, value) if value != "" else "-"
        for name, value in zip(by, key, strict=True)
    )


def cells_of(figures: Figures, quality: Quality | None) -> tuple[Cell, ...]:
    """A cell for each of FIGURES."""
    said = quality or Quality()
    rated = said.good + said.bad > 0
    return (
        figures.calls,
        figures.free_share,
        figures.input,
        figures.output,
        figures.cached,
        None if figures.unpriced and not figures.cash else figures.cash,
        figures.list_known,
        figures.avoided_known,
        said.kept_share,
        said.good if rated else None,
        said.bad if rated else None,
        figures.reasoning,
        figures.cache_written,
        figures.assumed,
        figures.unpriced,
        figures.unlisted,
        figures.unavoided,
        said.changes,
    )
