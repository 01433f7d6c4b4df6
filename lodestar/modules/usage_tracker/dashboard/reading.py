"""What the dashboard reads, look by look; used by one thread at a time."""

from __future__ import annotations

from collections.abc import Hashable

from lodestar.cli.opening import migration_sets, open_store
from lodestar.clock import now_ms, zone
from lodestar.loading import Context
from lodestar.modules.usage_tracker.dashboard import exchange, filtering
from lodestar.modules.usage_tracker.dashboard.counting import STEP_S, Counting
from lodestar.modules.usage_tracker.dashboard.exchange import Told
from lodestar.modules.usage_tracker.dashboard.ledger import Glance, Ledger
from lodestar.modules.usage_tracker.dashboard.page import Page
from lodestar.modules.usage_tracker.dashboard.tabs import COUNTED, TABS
from lodestar.modules.usage_tracker.dashboard.trends import long_enough
from lodestar.modules.usage_tracker.dashboard.view import Asked, Only, View, view
from lodestar.store import look, migrations

MINUTE_MS = 60_000


class Reading:
    """The ledger, and what was counted of it so far. Everything here raises LedgerError."""

    def __init__(self, context: Context, ascii: bool = False) -> None:
        self._context = context
        self._ascii = ascii
        self._ledger = Ledger(context.home.database, lambda: _prepare(context))
        self._counting = Counting(zone(context.settings.timezone))
        self._filter: tuple[str, Only] = ("", {})

    def state(self) -> Hashable:
        """Changes where a page might: with the ledger, and each minute."""
        return self._ledger.version(), now_ms() // MINUTE_MS

    def page(self, tab: str, asked: Asked) -> Page:
        """A tab. Raises UsageError for a filter that is none."""
        with self._ledger.look() as glance:
            return TABS[tab](self._view(glance, asked))

    def count(self, tab: str, asked: Asked, most_s: float = STEP_S) -> bool:
        """Count on, where the tab has something that is counted; True once it is complete."""
        if tab not in COUNTED:
            return True
        with self._ledger.look() as glance:
            seen = self._view(glance, asked)
            period = long_enough(seen.period) if tab == "trends" else seen.period
            return self._counting.step(glance.connection, period, seen.now, most_s)

    def exchange(self, id: str) -> Told | None:
        """One exchange with its texts; None where it is gone."""
        with self._ledger.look() as glance:
            return exchange.told(glance, id, self._context.settings.timezone)

    def close(self) -> None:
        """Let go of the database."""
        self._ledger.close()

    def _view(self, glance: Glance, asked: Asked) -> View:
        return view(
            self._context, glance, self._counting, asked, self._only(glance, asked), self._ascii
        )

    def _only(self, glance: Glance, asked: Asked) -> Only:
        if self._filter[0] != asked.filter:
            found = filtering.chosen(asked.filter, filtering.known(glance))
            self._filter = (asked.filter, found)
        return self._filter[1]


def _prepare(context: Context) -> None:
    """Make tables that are not there yet; a ledger that has them is only looked at.

    Raises LedgerError where it cannot be used, or is not the one that was left here.
    """
    sets, path = migration_sets(context), context.home.database
    if found := look.problem(path, sets):
        raise found
    if path.exists():
        with look.read_only(path) as connection:
            if not migrations.pending(connection, sets):
                return
    open_store(context).close()
