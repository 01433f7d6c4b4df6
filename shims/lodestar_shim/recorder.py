"""Writing the log from the request path: in a worker thread, redacted, never in the way."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from lodestar.exchange import Exchange, Outcome, Request, Route
from lodestar.plugins import Plugins
from lodestar.redaction import Redactor
from lodestar.settings import Settings
from lodestar.store import exchanges, feedback
from lodestar.store.patience import BusyError, brief, instant
from lodestar.store.store import Store
from lodestar.threads import to_the_end
from lodestar_shim.cleaning import Cleaner

log = logging.getLogger("lodestar.shim.recorder")
LATE_MOST = 64
"""Exchanges that wait in memory while another program keeps the database to itself."""
LATER_S = 2.0


class Recorder:
    """Keeps the rows of every exchange. A failure is logged; the request goes on."""

    def __init__(
        self, store: Store, settings: Settings, plugins: Plugins, redactor: Redactor
    ) -> None:
        self._store = store
        self._settings = settings
        self._plugins = plugins
        self._cleaner = Cleaner(settings.log, redactor)
        self._late: deque[tuple[Exchange, str | None]] = deque(maxlen=LATE_MOST)
        self._unobserved: deque[Exchange] = deque()
        self._observing = threading.Lock()
        self._has_failed = False
        """Whether one of them had an attempt that failed."""
        self._retry: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Write down what could not be written before, as far as that goes now."""
        if self._retry:
            self._retry.cancel()
        await self._run(self._write_late)
        await self._run(self.observe)
        if self._late:
            log.error("%d exchanges could not be recorded: the database is busy", len(self._late))

    async def opened(self, request: Request, route: Route | None, attempt: str | None) -> None:
        """The exchange and its first attempt, committed before the first byte goes upstream.

        Raises where that fails and the attempt costs money: no bill without its row.
        """

        paid = route is not None and route.entry.paid

        def write() -> None:
            rows = self.opening(request, route, attempt)
            with self._store.write(durable=paid):
                rows()

        await self._run(write, must=paid, quick=not paid and self._cleaner.is_quick(request))

    def opening(
        self, request: Request, route: Route | None, attempt: str | None
    ) -> Callable[[], None]:
        """What inserts an exchange and its first attempt, inside a transaction.

        Its prompt is searched before: other sessions wait for the transaction's end.
        """
        prompt = self._cleaner.prompt(request)

        def insert() -> None:
            exchanges.open_exchange(self._store, request, prompt)
            if route and attempt:
                exchanges.open_attempt(self._store, attempt, request, route, 1)

        return insert

    async def attempted(self, request: Request, route: Route, attempt: str, number: int) -> None:
        """A further attempt of an exchange. Raises as `opened` does."""
        await self._run(
            lambda: exchanges.open_attempt(self._store, attempt, request, route, number),
            must=route.entry.paid,
        )

    async def attempt_closed(self, attempt: str, outcome: Outcome) -> None:
        """How an attempt ended."""
        clean = self.clean(outcome)
        await self._run(lambda: exchanges.close_attempt(self._store, attempt, clean))

    async def completed(
        self, exchange: Exchange, attempt: str, settle: Callable[[Outcome], None]
    ) -> None:
        """The end of an exchange that was answered, settled and recorded in one transaction.

        Where that fails it is settled first, whatever becomes of the record.
        """
        paid = exchange.route is not None and exchange.route.entry.paid

        def complete() -> None:
            with self._store.write(durable=paid):
                settle(exchange.outcome)
                self._rows(exchange, attempt)

        def surely() -> None:
            try:
                complete()
            except Exception:
                settle(exchange.outcome)
                raise

        if (not paid and self._at_once(complete)) or await self._run(surely, long=paid):
            self._observe_soon(exchange)
        else:
            await self.finished(exchange, attempt)

    async def finished(self, exchange: Exchange, attempt: str | None) -> None:
        """The final outcome of the exchange and its last attempt; then the observers."""

        exchange = replace(exchange, outcome=self.clean(exchange.outcome))

        def finish() -> None:
            try:
                self._write(exchange, attempt)
            except BusyError:
                self._late.append((exchange, attempt))
                raise
            finally:
                self._observe(exchange)

        await self._run(finish)
        if self._late and self._retry is None:
            self._retry = asyncio.create_task(self._write_later())

    def _write(self, exchange: Exchange, attempt: str | None) -> None:
        with self._store.write(durable=False):
            self._rows(exchange, attempt)

    def _rows(self, exchange: Exchange, attempt: str | None) -> None:
        answer = [self._cleaner.message("assistant", exchange.text)] if exchange.text else []
        if not exchanges.close_exchange(self._store, exchange, answer):
            # Opening it failed (a full disk, a locked file): the row is made now.
            self._reopen(exchange, attempt)
            exchanges.close_exchange(self._store, exchange, answer)
        if attempt:
            exchanges.close_attempt(self._store, attempt, exchange.outcome)

    async def _write_later(self) -> None:
        while self._late:
            await asyncio.sleep(LATER_S)
            await self._run(self._write_late)
        self._retry = None

    def _write_late(self) -> None:
        while self._late:
            exchange, attempt = self._late[0]
            try:
                self._write(exchange, attempt)
            except BusyError:
                return
            except Exception:
                log.exception("an exchange could not be recorded")
            # One that is no longer the first has made room for newer ones.
            if self._late and self._late[0][0] is exchange:
                self._late.popleft()

    def clean(self, outcome: Outcome) -> Outcome:
        """An upstream's words, which may quote a key, made fit to be stored."""
        return self._cleaner.outcome(outcome)

    def words(self, text: str) -> str:
        """Somebody else's words without secrets, for whoever may read them."""
        return self._cleaner.words(text)

    def learn_secret(self, secret: str) -> None:
        """From now on this secret is redacted too."""
        self._cleaner.learn(secret)

    def signals(self, batch: Sequence[Mapping[str, Any]], session: str) -> list[dict[str, Any]]:
        """Store the launcher's events, redacted; returns those that were new.

        Call it in a worker thread.
        """
        clean = [self._cleaner.event(event) for event in batch]
        with brief(), self._store.write():
            return [e for e in clean if feedback.add_signal(self._store, session, e)]

    def _reopen(self, exchange: Exchange, attempt: str | None) -> None:
        request = exchange.request
        exchanges.open_exchange(self._store, request, self._cleaner.prompt(request))
        if exchange.route and attempt:
            exchanges.open_attempt(self._store, attempt, request, exchange.route, exchange.attempts)

    def _observe_soon(self, exchange: Exchange) -> None:
        self._unobserved.append(exchange)
        self._has_failed = self._has_failed or bool(exchange.before)

    async def failures_told(self) -> None:
        """Return once the modules know of the failures of every exchange that is over."""
        if self._has_failed:
            await to_the_end(self.observe)

    def observe(self) -> None:
        """Tell the modules of the exchanges that are over. Call it in a worker thread."""
        with self._observing:
            while self._unobserved:
                self._observe(self._unobserved.popleft())
            self._has_failed = False

    def _observe(self, exchange: Exchange) -> None:
        self._plugins.collect(
            "exchange_finished", exchange=exchange, store=self._store, settings=self._settings
        )

    def _at_once(self, work: Callable[[], object]) -> bool:
        """Do it here, in the loop's own thread, unless that could mean to wait."""
        try:
            with instant():
                work()
        except BusyError:
            return False
        except Exception:
            log.exception("an exchange could not be recorded at once")
            return False
        return True

    async def _run(
        self,
        work: Callable[[], object],
        must: bool = False,
        long: bool = False,
        quick: bool = False,
    ) -> bool:
        """Do it soon or not at all; what `must` be done waits for its turn, or raises.

        What may take `long` waits, too. What is `quick` is done without a thread where it can be.
        False where it was not done.
        """
        if quick and self._at_once(work):
            return True
        try:
            with nullcontext() if must or long else brief():
                await to_the_end(work)
        except BusyError as error:
            log.warning("an exchange is not recorded yet: %s", error.why)
            if must:
                raise
        except Exception:
            # Bookkeeping may fail; a free request may not fail because of it.
            log.exception("an exchange could not be recorded")
            if must:
                raise
        else:
            return True
        return False
