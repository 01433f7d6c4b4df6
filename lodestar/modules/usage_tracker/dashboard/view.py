"""One look at the ledger: what a tab is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo

from lodestar.clock import now_ms, zone
from lodestar.loading import Context
from lodestar.modules.usage_tracker import ledger_clock
from lodestar.modules.usage_tracker.dashboard.counting import Counting, Key
from lodestar.modules.usage_tracker.dashboard.ledger import Glance
from lodestar.modules.usage_tracker.reports.asking import names
from lodestar.modules.usage_tracker.reports.period import Period, period_of
from lodestar.modules.usage_tracker.reports.quality import Quality
from lodestar.modules.usage_tracker.reports.sheet import Sheet
from lodestar.modules.usage_tracker.reports.usage import Group, Wanted, usage
from lodestar.modules.usage_tracker.reports.usage_sheet import usage_sheet

Only = Mapping[str, str | int]
COUNTING = "what became of the answers is still being counted"


@dataclass(frozen=True)
class Asked:
    """What the user chose: a period by its word, and the words of a filter."""

    period: str = "week"
    filter: str = ""


@dataclass(frozen=True)
class View:
    """An open look. `now` is the ledger's clock, `ascii` says to draw with nothing else."""

    context: Context
    glance: Glance
    counting: Counting
    now: int
    zone: tzinfo | None
    wanted: Wanted
    names: Mapping[str, Mapping[str | int, str]]
    ascii: bool = False

    @property
    def period(self) -> Period:
        """The days that the figures are of."""
        return self.wanted.period

    @property
    def only(self) -> Only:
        """What the filter leaves."""
        return self.wanted.only

    def within(self, period: Period) -> View:
        """The same for other days."""
        return replace(self, wanted=replace(self.wanted, period=period))

    def usage(self, *by: str) -> list[Group]:
        """Calls, tokens and money, from the roll-ups."""
        return usage(self.glance.connection, replace(self.wanted, by=by))

    def quality(self, *by: str) -> Mapping[Key, Quality] | None:
        """What became of the answers; None while it is being counted."""
        wanted = replace(self.wanted, by=by)
        return self.counting.by(self.glance.connection, wanted, self.now)

    def sheet(self, *by: str, groups: list[Group] | None = None) -> Sheet:
        """The usage report, as `lodestar usage` shows it."""
        groups = self.usage(*by) if groups is None else groups
        found = self.quality(*by)
        made = usage_sheet(replace(self.wanted, by=by), groups, found or {}, self.names)
        shown = made.only([column.name for column in made.columns if not column.spare])
        return shown if found is not None else replace(shown, notes=(*shown.notes, COUNTING))


def view(
    context: Context,
    glance: Glance,
    counting: Counting,
    asked: Asked,
    only: Only,
    ascii: bool = False,
) -> View:
    """The look, for what was asked. Raises UsageError for a period that is none."""
    where = zone(context.settings.timezone)
    now = ledger_clock.moment(glance.connection, now_ms())
    period = period_of(asked.period, None, None, now, where)
    wanted = Wanted(period, (), only)
    found = names(glance.connection)
    return View(context, glance, counting, now, where, wanted, found, ascii)
