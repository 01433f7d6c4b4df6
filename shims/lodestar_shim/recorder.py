"""Writing the log from the request path: in a worker thread, redacted, never in the way."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from lodestar.exchange import Exchange, Outcome, Request, Route
from lodestar.plugins import Plugins
from lodestar.redaction import Redactor
from lodestar.settings import Settings
from lodestar.store import exchanges, feedback
from lodestar.store.exchanges import Message
from lodestar.store.store import Store
from lodestar.store.text import storable
from lodestar.threads import to_the_end
from lodestar_shim.parse import text_of

log = logging.getLogger("lodestar.shim.recorder")
REMEMBERED = 128
ERROR_LIMIT = 2000
NAME_LIMIT = 200


class Recorder:
    """Keeps the rows of every exchange. A failure is logged; the request goes on."""

    def __init__(
        self, store: Store, settings: Settings, plugins: Plugins, secrets: Iterable[str]
    ) -> None:
        self._store = store
        self._settings = settings
        self._plugins = plugins
        self._redactor = Redactor(secrets)
        self._seen: OrderedDict[str, str] = OrderedDict()

    async def opened(self, request: Request, route: Route | None, attempt: str | None) -> None:
        """The exchange and its first attempt, committed before the first byte goes upstream."""

        def write() -> None:
            with self._store.write():
                exchanges.open_exchange(self._store, request, self._prompt(request))
                if route and attempt:
                    exchanges.open_attempt(self._store, attempt, request, route, 1)

        await self._run(write)

    async def attempted(self, request: Request, route: Route, attempt: str, number: int) -> None:
        """A further attempt of an exchange."""
        await self._run(
            lambda: exchanges.open_attempt(self._store, attempt, request, route, number)
        )

    async def attempt_closed(self, attempt: str, outcome: Outcome) -> None:
        """How an attempt ended."""
        clean = self._clean(outcome)
        await self._run(lambda: exchanges.close_attempt(self._store, attempt, clean))

    async def finished(self, exchange: Exchange, attempt: str | None) -> None:
        """The final outcome of the exchange and its last attempt; then the observers."""

        exchange = replace(exchange, outcome=self._clean(exchange.outcome))

        def write() -> None:
            answer = [self._message("assistant", exchange.text)] if exchange.text else []
            with self._store.write():
                if not exchanges.is_known(self._store, exchange.request.id):
                    # Opening it failed (a full disk, a locked file): the row is made now.
                    self._reopen(exchange, attempt)
                if attempt:
                    exchanges.close_attempt(self._store, attempt, exchange.outcome)
                exchanges.close_exchange(self._store, exchange, answer)

        def finish() -> None:
            try:
                write()
            finally:
                self._observe(exchange)

        await self._run(finish)

    def learn_secret(self, secret: str) -> None:
        """From now on this secret is redacted too."""
        self._redactor.add(secret)
        self._seen.clear()

    def signals(self, batch: Sequence[Mapping[str, Any]], session: str) -> list[dict[str, Any]]:
        """Store the launcher's events, redacted; returns those that were new.

        Call it in a worker thread.
        """
        clean = [self._clean_event(event) for event in batch]
        with self._store.write():
            return [e for e in clean if feedback.add_signal(self._store, session, e)]

    def _clean_event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        keep = self._settings.log.text
        if keep == "none":
            return {k: v for k, v in event.items() if k not in ("message", "text")}
        clean = {k: storable(v) if isinstance(v, str) else v for k, v in event.items()}
        if keep == "full":
            return clean
        return {k: self._redactor.text(v) if isinstance(v, str) else v for k, v in clean.items()}

    def _clean(self, outcome: Outcome) -> Outcome:
        """An upstream's words, which may quote a key, made fit to be stored."""
        error = outcome.error and self._redactor.text(storable(outcome.error))
        model, reason = outcome.served_model, outcome.finish_reason
        return replace(
            outcome,
            error=error and error[:ERROR_LIMIT],
            served_model=model and storable(model[:NAME_LIMIT]),
            finish_reason=reason and storable(reason[:NAME_LIMIT]),
        )

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
        keep: Literal["full", "redacted", "none"] = self._settings.log.text
        if keep == "none":
            return role, None, size
        clean = storable(text)
        return role, clean if keep == "full" else self._redacted(clean), size

    def _redacted(self, text: str) -> str:
        # Aider resends its whole context each turn: most messages have been searched before.
        found = self._seen.pop(text, None)
        if found is None:
            found = self._redactor.text(text)
        self._seen[text] = found
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return found

    async def _run(self, work: Callable[[], object]) -> None:
        try:
            await to_the_end(work)
        except Exception:
            # Bookkeeping may fail; the request may not fail because of it.
            log.exception("an exchange could not be recorded")
