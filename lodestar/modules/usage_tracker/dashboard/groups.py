"""The tabs Models and Projects: the usage report by one or the other."""

from __future__ import annotations

from collections.abc import Sequence

from lodestar.modules.usage_tracker.dashboard.filtering import words
from lodestar.modules.usage_tracker.dashboard.page import Line, Page
from lodestar.modules.usage_tracker.dashboard.view import View
from lodestar.modules.usage_tracker.reports.figures import total
from lodestar.modules.usage_tracker.reports.usage import Group
from lodestar.modules.usage_tracker.reports.words import dollars, percent

NOTHING = "nothing was used in this time"


def models(view: View) -> Page:
    """What each model was used for, cost and saved."""
    return _page(view, "Models", "alias")


def projects(view: View) -> Page:
    """What each project used, for those who share a bill."""
    return _page(view, "Projects", "project")


def _page(view: View, title: str, key: str) -> Page:
    groups = view.usage(key)
    called = view.names.get(key, {})
    keys = [str(called.get(group.key[0], group.key[0])) for group in groups]
    # In the order of what matters: what was paid, then what was used most.
    order = sorted(
        range(len(groups)),
        key=lambda at: (-groups[at].figures.cash, -groups[at].figures.calls, keys[at]),
    )
    sheet = view.sheet(key, groups=[groups[at] for at in order])
    opens = tuple(words(key, keys[at]) if groups[at].key[0] != "" else "" for at in order)
    return Page(title, (Line(_answer(groups)),), sheet, opens, NOTHING)


def _answer(groups: Sequence[Group]) -> str:
    whole = total(group.figures for group in groups)
    share = whole.free_share
    if share is None:
        return NOTHING
    bound = "at least " if whole.unpriced else ""
    paid = whole.calls - whole.free
    cash = f"{bound}{dollars(whole.cash)} for {paid:,} paid call{'' if paid == 1 else 's'}"
    return f"{percent(share)} of {whole.calls:,} calls were free; {cash}"
