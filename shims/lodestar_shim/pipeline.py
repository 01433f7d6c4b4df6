"""The whole path of one request, on one screen."""

from __future__ import annotations

import asyncio
from time import perf_counter

from aiohttp import web

from lodestar.exchange import Exchange, Outcome, Request
from lodestar.hookspecs import Refused
from lodestar_shim import failures
from lodestar_shim.asker import Asker
from lodestar_shim.attempts import Attempts
from lodestar_shim.broken import BrokenPrompts
from lodestar_shim.client import Client, WebClient
from lodestar_shim.course import Course
from lodestar_shim.errors import ShimError, for_user
from lodestar_shim.parse import parse
from lodestar_shim.retries import Retries
from lodestar_shim.routes import Router
from lodestar_shim.services import Services
from lodestar_shim.tidings import Tidings
from lodestar_shim.upstream import UpstreamError

TOLD_S = 1.0
"""How long a request waits at most until what failed just before it is written down."""


class Pipeline:
    """Answers chat requests."""

    def __init__(self, services: Services) -> None:
        self._s = s = services
        self._router = Router(s.catalog, s.settings, s.plugins, s.store, s.session.edits)
        self._retries = Retries(s.settings.routing.retries)
        self._broken = BrokenPrompts()
        self._tidings = Tidings(services)
        self._running: set[asyncio.Task[None]] = set()
        self._under_way: set[tuple[asyncio.Task[None] | None, Attempts]] = set()
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
        """POST /v1/chat/completions, as aiohttp read it. Raises ShimError."""
        client = WebClient(http)
        await self.answer(client, await http.read())
        return client.response

    async def answer(self, client: Client, body: bytes) -> None:
        """Answer a request for chat. Raises ShimError for an answer that is an error."""
        began = perf_counter()
        request = parse(body, client.headers, self._s.session.id)
        closed = self._s.session.closed_to(request)
        if closed is not None:
            raise ShimError(for_user("Lodestar stopped this request:", closed), "session_ended")
        asker = Asker(client, request, began)
        # A task of its own: it goes on for a while where the client hangs up on a paid answer.
        exchange = asyncio.create_task(self._answer(asker))
        self._running.add(exchange)
        exchange.add_done_callback(self._running.discard)
        try:
            await asyncio.shield(exchange)
        except asyncio.CancelledError:
            asker.leave(exchange, self._s.upstreams.limits.drain_s)
            raise

    async def _answer(self, asker: Asker) -> None:
        await self._failures_told()
        plan = await self._router.plan(asker.request)
        if len(plan.routes) > 1 and self._broken.count(asker.request):
            plan = plan.after_a_break()
        most_s = self._s.upstreams.limits.first_s
        one = (asyncio.current_task(), Attempts(self._s, self._broken, asker))
        self._under_way.add(one)
        try:
            course = Course(plan, self._retries, self._s.catalog, most_s)
            await self._exchange(asker, one[1], course)
        finally:
            self._under_way.discard(one)

    async def _failures_told(self) -> None:
        """A client may ask again before its last answer is recorded: what failed counts now."""
        late = [task for task, attempts in self._under_way if task and attempts.is_late_news]
        if late:
            await asyncio.wait(late, timeout=TOLD_S)
        await self._s.recorder.failures_told()

    async def _exchange(self, asker: Asker, attempts: Attempts, course: Course) -> None:
        try:
            while course.waiting:
                route = course.next()
                self._s.session.edits.asked(asker.request, route)
                try:
                    return await attempts.at(route, course.first_s)
                except Refused as error:
                    course.refused(route, error)
                except UpstreamError as error:
                    if asker.gone:
                        raise asyncio.CancelledError from error
                    pause = course.failed(route, error)
                    if course.waiting:
                        await attempts.failed_over()
                        await asyncio.sleep(pause)
            # Alone there is nothing to end: other clients go on, with free models, too.
            if course.ends and self._s.session.supervised:
                self._s.session.end(failures.stopped(course.ends))
            raise course.unanswered(asker.request)
        finally:
            try:
                await self._finish(asker.request, attempts, course)
            finally:
                alias = self._s.catalog.plain(asker.request.alias)
                kind, refused = asker.request.kind, course.refusal is not None
                self._s.metrics.exchange(alias, kind, attempts.made, asker.began, refused)

    async def _finish(self, request: Request, attempts: Attempts, course: Course) -> None:
        await self._record(request, attempts, course.refusal)
        if attempts.answered and (told := course.answered(attempts.made[-1], request.turn)):
            self._tidings.say(told.text, "warn", key=told.key)
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
        if last.recorded:
            return
        text, before = last.tee.text, attempts.before
        exchange = Exchange(request, last.route, last.outcome, len(made), text, before)
        await recorder.finished(exchange, last.id)

    def _cancel_all(self) -> None:
        for exchange in self._running:
            exchange.cancel()
