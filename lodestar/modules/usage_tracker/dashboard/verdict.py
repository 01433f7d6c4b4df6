"""The tab Quality: whether the free model is good enough, as far as that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lodestar.modules.usage_tracker.dashboard.counting import Key
from lodestar.modules.usage_tracker.dashboard.page import Line, Page
from lodestar.modules.usage_tracker.dashboard.view import COUNTING, View
from lodestar.modules.usage_tracker.reports.page import ENOUGH
from lodestar.modules.usage_tracker.reports.quality import Quality
from lodestar.modules.usage_tracker.reports.sheet import Column, Sheet
from lodestar.modules.usage_tracker.reports.words import percent

COLUMNS = (
    Column("week", "Week of"),
    Column("alias", "Model"),
    Column("changes", "Changes", "count"),
    Column("kept", "Still there", "count", rank=3),
    Column("share", "Kept", "share"),
    Column("good", "Good", "count", rank=1),
    Column("bad", "Bad", "count", rank=2),
)
NOTHING = "no change was committed and nothing was rated in this time"


def quality(view: View) -> Page:
    """Changes that still stand and ratings, by week and model."""
    found, billing = view.quality("week", "alias"), view.quality("billing")
    if found is None or billing is None:
        return Page("Quality", (Line(f"{COUNTING} ...", "off"),), _sheet(view, {}), (), "")
    return Page("Quality", tuple(_answers(billing)), _sheet(view, found), (), NOTHING)


def _answers(billing: Mapping[Key, Quality]) -> Iterator[Line]:
    free = sum((one for key, one in billing.items() if key[0] != "payg"), Quality())
    paid = sum((one for key, one in billing.items() if key[0] == "payg"), Quality())
    yield Line(_answer("free", free))
    yield Line(_answer("paid", paid))
    if not any(one.good + one.bad for one in billing.values()):
        yield Line("nobody rated an answer in this time: lodestar rate", "off")


def _answer(name: str, one: Quality) -> str:
    share = one.kept_share
    if share is None:
        return f"{name}: no change was committed"
    said = f"; rated {one.good} good, {one.bad} bad" if one.good + one.bad else ""
    few = ", too few to go by" if one.changes < ENOUGH else ""
    return (
        f"{name}: {one.kept:,} of {one.changes:,} changes still stand ({percent(share)}){few}{said}"
    )


def _sheet(view: View, found: Mapping[Key, Quality]) -> Sheet:
    rows = tuple(
        (key[0], key[1] or "-", one.changes, one.kept, one.kept_share, one.good, one.bad)
        for key, one in sorted(found.items(), key=lambda pair: str(pair[0]), reverse=True)
    )
    return Sheet("quality", f"Quality, {view.period.text()}", COLUMNS, rows)
