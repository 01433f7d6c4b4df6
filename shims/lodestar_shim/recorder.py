"""Writing the log from the request path: in a worker thread, redacted, never in the way."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from typing import Any

from lodestar.exchange import Exchange, Outcome, Request, Route
from lodestar.plugins import Plugins
from lodestar.redaction import Redactor
from lodestar.settings import Settings
from lodestar.store import exchanges, feedback
from lodestar.store.exchanges import Message
from lodestar.store.patience import BusyError, brief
from lodestar.store.store import Store
from lodestar.store.text import storable
from lodestar.threads import to_the_end
from lodestar_shim.parse import text_of

log = logging.getLogger("lodestar.shim.recorder")
REMEMBERED = 128
ERROR_LIMIT = 2000
NAME_LIMIT = 200
COUNTS_LIMIT = 64
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
        self._redactor = redactor
        self._seen: OrderedDict[str, str] = OrderedDict()
        self._late: deque[tuple[Exchange, str | None]] = deque(maxlen=LATE_MOST)
        self._retry: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Write down what could not be written before, as far as that goes now."""
        if self._retry:
            self._retry.cancel()
        await self._run(self._write_late)
        if self._late:
            log.error("%d exchanges could not be recorded: the database is busy", len(self._late))

    async def opened(self, request: Request, route: Route | None, attempt: str | None) -> None:
        """The exchange and its first attempt, committed before the first byte goes upstream.

        Raises where that fails and the attempt costs money: no bill without its row.
        """

        def write() -> None:
            # Before the transaction: other sessions wait for its end.
            prompt = self._prompt(request)
            with self._store.write():
                exchanges.open_exchange(self._store, request, prompt)
                if route and attempt:
                    exchanges.open_attempt(self._store, attempt, request, route, 1)

        await self._run(write, must=route is not None and route.entry.paid)

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
        answer = [self._message("assistant", exchange.text)] if exchange.text else []
        with self._store.write():
            if not exchanges.is_known(self._store, exchange.request.id):
                # Opening it failed (a full disk, a locked file): the row is made now.
                self._reopen(exchange, attempt)
            if attempt:
                exchanges.close_attempt(self._store, attempt, exchange.outcome)
            exchanges.close_exchange(self._store, exchange, answer)

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

    def learn_secret(self, secret: str) -> None:
        """From now on this secret is redacted too."""
        self._redactor.add(secret)
        self._seen.clear()

    def signals(self, batch: Sequence[Mapping[str, Any]], session: str) -> list[dict[str, Any]]:
        """Store the launcher's events, redacted; returns those that were new.

        Call it in a worker thread.
        """
        clean = [self._clean_event(event) for event in batch]
        with brief(), self._store.write():
            return [e for e in clean if feedback.add_signal(self._store, session, e)]

    def _clean_event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        texts = ("message", "text") if self._settings.log.text == "none" else ()
        kept = {name: value for name, value in event.items() if name not in texts}
        return {str(name): self._clean_value(value) for name, value in kept.items()}

    def _clean_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._searched(storable(value))
        if isinstance(value, list):
            return [self._clean_value(part) for part in value]
        if isinstance(value, Mapping):
            return {self._clean_value(str(k)): self._clean_value(v) for k, v in value.items()}
        return value

    def _searched(self, text: str) -> str:
        """The text as it may be stored; our own keys go even where all else is kept."""
        full = self._settings.log.text == "full"
        return self._redactor.known(text) if full else self._redactor.text(text)

    def clean(self, outcome: Outcome) -> Outcome:
        """An upstream's words, which may quote a key, made fit to be stored."""
        error = outcome.error and self._redactor.text(storable(outcome.error))
        model, reason = outcome.served_model, outcome.finish_reason
        return replace(
            outcome,
            error=error and error[:ERROR_LIMIT],
            served_model=model and self._name(model),
            finish_reason=reason and self._name(reason),
            usage=replace(outcome.usage, raw=self._counts(outcome.usage.raw)),
        )

    def _name(self, text: str) -> str:
        # Searched before it is cut: half a key would not be found.
        return self._redactor.text(storable(text[: 10 * NAME_LIMIT]))[:NAME_LIMIT]

    def _counts(self, raw: Any, depth: int = 3) -> dict[str, Any] | None:
        """A provider's usage as it gave it, numbers only: nobody's words belong there."""
        if not isinstance(raw, Mapping):
            return None
        parts = [(self._name(str(k)), v) for k, v in islice(raw.items(), COUNTS_LIMIT)]
        deeper = {
            k: self._counts(v, depth - 1) for k, v in parts if depth and isinstance(v, Mapping)
        }
        return {k: v for k, v in parts if isinstance(v, (int, float))} | deeper

    def _reopen(self, exchange: Exchange, attempt: str | None) -> None:
        request = exchange.request
        exchanges.open_exchange(self._store, request, self._prompt(request))
        if exchange.route and attempt:
            exchanges.open_attempt(self._store, attempt, request, exchange.route, exchange.attempts)

    def _observe(self, exchange: Exchange) -> None:
        self._plugins.collect(
            "exchange_finished", exchange=exchange, store=self._store, settings=self._settings
        )

    def _prompt(self, request: Request) -> list[Message]:
        messages: Iterable[dict[str, object]] = request.body["messages"]
        return [self._message(str(m["role"]), text_of(m.get("content"))) for m in messages]

    def _message(self, role: str, text: str) -> Message:
        size = len(text.encode("utf-8", "replace"))
        role = self._name(role)
        if self._settings.log.text == "none":
            return role, None, size
        return role, self._redacted(storable(text)), size

    def _redacted(self, text: str) -> str:
        # Aider resends its whole context each turn: most messages have been searched before.
        found = self._seen.pop(text, None)
        if found is None:
            found = self._searched(text)
        self._seen[text] = found
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return found

    async def _run(self, work: Callable[[], object], must: bool = False) -> None:
        """Do it soon or not at all; what `must` be done waits for its turn, or raises."""
        try:
            with nullcontext() if must else brief():
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
