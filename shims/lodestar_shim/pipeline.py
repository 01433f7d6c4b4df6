"""The whole path of one request, on one screen."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import web

from lodestar.exchange import Exchange, Outcome, Request, Route
from lodestar.hookspecs import Refused
from lodestar_shim import failures, routes
from lodestar_shim.asker import Asker
from lodestar_shim.attempts import Attempts
from lodestar_shim.broken import BrokenPrompts
from lodestar_shim.errors import ShimError, for_user
from lodestar_shim.parse import parse
from lodestar_shim.services import Services
from lodestar_shim.tidings import Tidings
from lodestar_shim.upstream import UpstreamError


class Pipeline:
    """Answers chat requests."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._broken = BrokenPrompts()
        self._tidings = Tidings(services)
        self._running: set[asyncio.Task[web.StreamResponse]] = set()
        self._leave_by: float | None = None

    async def start(self, _: web.Application) -> None:
        """Begin to ask the modules for news."""
        self._tidings.start()

    async def leave(self, _: web.Application) -> None:
        """The shim is about to stop: what still runs has a little time to end."""
        loop, leave_s = asyncio.get_running_loop(), self._s.upstreams.limits.leave_s
        self._leave_by = loop.time() + leave_s
        loop.call_later(leave_s, self._cancel_all)

    async def close(self, _: web.Application) -> None:
        """See every exchange to its end, recorded and settled: those without a client as well."""
        loop = asyncio.get_running_loop()
        if self._running:
            rest = (self._leave_by or 0) - loop.time()
            await asyncio.wait(self._running, timeout=max(0, rest))
        self._cancel_all()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._tidings.close()

    async def chat(self, http: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions. Raises ShimError for an answer that is an error."""
        request = parse(await http.read(), http.headers, self._s.session.id)
        closed = self._s.session.closed_to(request)
        if closed is not None:
            raise ShimError(for_user("Lodestar stopped this request:", closed), "session_ended")
        asker = Asker(http, request)
        # A task of its own: it goes on for a while where the client hangs up on a paid answer.
        exchange = asyncio.create_task(self._answer(asker))
        self._running.add(exchange)
        exchange.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(exchange)
        except asyncio.CancelledError:
            asker.leave(exchange, self._s.upstreams.limits.drain_s)
            raise

    async def _answer(self, asker: Asker) -> web.StreamResponse:
        s, request = self._s, asker.request
        found = await asyncio.to_thread(
            routes.choose_routes, request, s.catalog, s.settings, s.plugins, s.store
        )
        if len(found) > 1 and self._broken.count(request):
            found = found[1:]
        return await self._exchange(asker, list(found))

    async def _exchange(self, asker: Asker, waiting: list[Route]) -> web.StreamResponse:
        attempts = Attempts(self._s, self._broken, asker)
        refusal: Refused | None = None
        failed: tuple[Route, UpstreamError] | None = None
        try:
            while waiting:
                route = waiting.pop(0)
                try:
                    return await attempts.at(route)
                except Refused as error:
                    refusal, failed = refusal or error, None
                    waiting = self._instead(asker.request, route, error, waiting)
                except UpstreamError as error:
                    if asker.gone:
                        raise asyncio.CancelledError from error
                    failed = route, error
                    if waiting:
                        await attempts.failed_over()
            # Alone there is nothing to end: other clients go on, with free models, too.
            if refusal and refusal.policy == "stop" and self._s.session.supervised:
                self._s.session.end(failures.stopped(refusal))
            free = routes.free_route(self._s.catalog) is not None
            raise failures.unanswered(refusal, failed, free)
        finally:
            await self._finish(asker.request, attempts, refusal)

    def _instead(
        self, request: Request, route: Route, error: Refused, waiting: list[Route]
    ) -> list[Route]:
        """The routes that are left after a refusal; the free one may join them."""
        reason = failures.reason(error)
        if waiting:
            return [replace(waiting[0], reason=reason), *waiting[1:]]
        free = routes.free_route(self._s.catalog)
        willing = error.policy == "downgrade" or request.kind in routes.SHORT
        return [replace(free, reason=reason)] if free and willing and route.entry.paid else []

    async def _finish(self, request: Request, attempts: Attempts, refusal: Refused | None) -> None:
        await self._record(request, attempts, refusal)
        if refusal and attempts.answered and request.kind not in routes.SHORT:
            text = failures.answered_instead(refusal, attempts.made[-1].route)
            self._tidings.say(text, "warn", key=failures.reason(refusal))
        for line in attempts.notices:
            self._tidings.say(line)
        self._tidings.ask_soon()

    async def _record(self, request: Request, attempts: Attempts, refusal: Refused | None) -> None:
        recorder, made = self._s.recorder, attempts.made
        if not made:
            problem = Outcome("aborted", sent=False)
            if refusal:
                problem = Outcome("refused", error=str(refusal), sent=False)
            await recorder.opened(request, None, None)
            await recorder.finished(Exchange(request, None, problem, 0), None)
            return
        last = made[-1]
        exchange = Exchange(request, last.route, last.outcome, len(made), last.tee.text)
        await recorder.finished(exchange, last.id)

    def _cancel_all(self) -> None:
        for exchange in self._running:
            exchange.cancel()
