"""The shim's database from its opening to its close, a stand-in where it cannot be used."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
from collections.abc import Sequence
from typing import Any

from lodestar.errors import LedgerError, LodestarError
from lodestar.loading import Context
from lodestar.paths import make_private
from lodestar.plugins import Plugins
from lodestar.store import backup
from lodestar.store.daily import once_a_day
from lodestar.store.look import CLOSED
from lodestar.store.migrations import MigrationSet
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, end_session, start_session, sweep_dead
from lodestar.store.stand_in import leave, open_stand_in, told
from lodestar.store.store import Store, unusable
from lodestar.store.uncommitted import of_the_dead, record
from lodestar.terminal import printable
from lodestar_shim.limits import Limits
from lodestar_shim.live import LiveSession
from lodestar_shim.spec import Spec

log = logging.getLogger("lodestar.shim.database")
AT_THE_END_BYTES = 16 << 20
"""A backup of so much takes a moment, also when everybody waits for the end."""


class Database:
    """One session's store, and what is done for it beside the requests."""

    def __init__(self, spec: Spec, context: Context, plugins: Plugins) -> None:
        """Open it with the session in it. Call it in a worker thread.

        Raises LedgerError where not even a stand-in can be made.
        """
        self._home = context.home
        self._settings = context.settings
        self._sets: Sequence[MigrationSet] = [CORE, *plugins.collect("register_migrations")]
        self._session = spec.session
        self._kept = False
        self._open_to_others = make_private(context.home.root)
        for problem in self._open_to_others:
            log.warning("%s: %s. %s", problem.what, problem.why, problem.do)
        try:
            self.store, self.fresh = self._entered(self._real(), spec, context, plugins)
        except (LodestarError, sqlite3.Error, OSError) as error:
            reason = self._reason(error)
            log.error("the database cannot be used: %s: %s", reason.what, reason.why)
            store = open_stand_in(context.home, spec.session, self._sets, reason)
            self.store, self.fresh = self._entered(store, spec, context, plugins)
            if not spec.supervised:
                said = told(store, reason).lines("warning:")
                print(printable(said), file=sys.stderr)  # noqa: T201

    async def look_after(self, live: LiveSession, limits: Limits) -> None:
        """Tell the user what is wrong, keep the witness, back up once a day; until cancelled."""
        problem = self._tell(live, None)
        self._tell_open(live)
        await asyncio.sleep(limits.upkeep_s)
        while True:
            await asyncio.to_thread(self._keep)
            for _ in range(LOOKS):
                problem = self._tell(live, problem)
                await asyncio.sleep(LOOK_S)

    def close(self, reason: str | None) -> None:
        """Close it, the session ended for the `reason` where there is nobody else to say so.

        What was written to files that somebody took away is saved as a backup.
        """
        if reason:
            self._end(reason)
        if self.store.stands_for:
            leave(self.store)
            return
        if self.store.unfit:
            self._rescue()
        elif not self._kept and self.store.path.stat().st_size < AT_THE_END_BYTES:
            self._keep()
        self.store.close()

    def _end(self, reason: str) -> None:
        try:
            end_session(self.store, self._session, reason, None)
        except (sqlite3.Error, LedgerError):
            log.exception("the session's end could not be recorded")

    def _real(self) -> Store:
        return Store.open(self._home.database, self._sets, whole=True)

    def _reason(self, error: Exception) -> LedgerError:
        if isinstance(error, LedgerError):
            return error
        if isinstance(error, LodestarError):
            return LedgerError(error.what, error.why, error.do)
        return unusable(self._home.database, error)

    def _entered(
        self, store: Store, spec: Spec, context: Context, plugins: Plugins
    ) -> tuple[Store, bool]:
        try:
            return store, _enter(store, spec, context, plugins)
        except BaseException:
            store.close()
            raise

    def _tell(self, live: LiveSession, before: LedgerError | None) -> LedgerError | None:
        problem = self.store.unfit
        if problem and before is None:
            closed = LedgerError(f"{problem.what}; {CLOSED}", problem.why, problem.do)
            said = told(self.store, problem) if self.store.stands_for else closed
            for line in (said.what, f"why: {said.why}", f"do: {said.do}"):
                live.notice(line, "warn")
        return problem

    def _tell_open(self, live: LiveSession) -> None:
        if self._open_to_others:
            first, more = self._open_to_others[0], len(self._open_to_others) - 1
            others = f" (and {more} more)" if more else ""
            live.notice(f"{first.what}{others}: {first.why}. {first.do}.", "warn")

    def _keep(self) -> None:
        try:
            self.store.keep_witness()
            self._kept = True
            if not self.store.stands_for:
                once_a_day(self._home, self.store, self._settings, self._sets)
        except Exception:
            # An extra: the session goes on without today's backup, and the next one tries again.
            log.exception("the database could not be backed up")

    def _rescue(self) -> None:
        day = backup.today(self._home, None)
        target = day.with_name(f"{day.stem}.rescued-{self._session[-6:].lower()}.db")
        try:
            self.store.save(target)
            log.error("the database was taken away while in use; what it was is in %s", target)
        except (sqlite3.Error, OSError, LedgerError):
            log.exception("the database was taken away while in use, and could not be saved")


def _money(context: Context) -> dict[str, tuple[Any, str]]:
    """The session's own limits of money, for whoever looks at it from outside."""
    found = context.settings.limits.model_dump(mode="json", exclude_none=True)
    return {
        name: (value, context.origins.get(f"limits.{name}", "default"))
        for name, value in found.items()
        if name.endswith(("_usd", "_tokens")) or name == "on_limit"
    }


LOOK_S = 5.0
LOOKS = 12


def _enter(store: Store, spec: Spec, context: Context, plugins: Plugins) -> bool:
    """Put the session in; whether this is its first shim."""
    sweep_dead(store)
    settings = context.settings
    session = Session(
        id=spec.session,
        project=context.project.root,
        profile=settings.profile,
        branch=spec.branch,
        pid=spec.owner,
        session_minutes=settings.limits.session_minutes,
        training_opt_in=settings.training.opt_in,
        limits=_money(context),
        tag=settings.tag,
    )
    fresh = start_session(store, context.home, session)
    if store.stands_for is None:
        for left in of_the_dead(context.home):
            record(store, left)
    plugins.collect(
        "session_event",
        session=spec.session,
        event={"type": "started"},
        store=store,
        settings=settings,
    )
    return fresh
