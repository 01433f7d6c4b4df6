"""The whole path of one request, on one screen."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from aiohttp import web

from lodestar.catalog import Catalog
from lodestar.exchange import Exchange, Outcome, Request, Route
from lodestar.hookspecs import Refused
from lodestar.ids import new_id
from lodestar.plugins import Plugins
from lodestar.settings import Settings
from lodestar.store.store import Store
from lodestar_shim import failures
from lodestar_shim.broken import BrokenPrompts
from lodestar_shim.errors import ShimError, for_user
from lodestar_shim.gates import Gates, open_gates
from lodestar_shim.keys import Keys
from lodestar_shim.live import LiveSession
from lodestar_shim.parse import parse
from lodestar_shim.recorder import Recorder
from lodestar_shim.relay import ClientGoneError, Relay, StreamBrokenError, abort, end_with_length
from lodestar_shim.routes import choose_routes
from lodestar_shim.tee import Tee
from lodestar_shim.upstream import UpstreamError, Upstreams

# Short calls that finish what is under way; they are let through after the session's end.
AFTER_THE_END = ("commit_message", "summary")


@dataclass(frozen=True)
class Services:
    """What a request needs on its way."""

    settings: Settings
    catalog: Catalog
    plugins: Plugins
    store: Store
    recorder: Recorder
    upstreams: Upstreams
    session: LiveSession
    keys: Keys


@dataclass
class Attempt:
    """One call to one upstream, as far as it has come."""

    id: str
    route: Route
    number: int
    started_ms: int
    tee: Tee
    outcome: Outcome


class Pipeline:
    """Answers chat requests."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._broken = BrokenPrompts()

    async def chat(self, http: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions. Raises ShimError for an answer that is an error."""
        request = parse(await http.read(), http.headers, self._s.session.id)
        if self._s.session.over and request.kind not in AFTER_THE_END:
            raise ShimError(
                for_user("Lodestar stopped this request: the session's time is up."),
                "session_ended",
            )
        routes = await asyncio.to_thread(
            choose_routes,
            request,
            self._s.catalog,
            self._s.settings,
            self._s.plugins,
            self._s.store,
        )
        if len(routes) > 1 and self._broken.count(request):
            routes = routes[1:]
        return await self._exchange(http, request, list(routes))

    async def _exchange(
        self, http: web.Request, request: Request, routes: list[Route]
    ) -> web.StreamResponse:
        attempts: list[Attempt] = []
        problem = Outcome("aborted", sent=False)
        try:
            failure: ShimError | None = None
            for number, route in enumerate(routes, 1):
                try:
                    return await self._attempt(http, request, route, number, attempts)
                except Refused as error:
                    failure = failures.refused(error)
                    problem = Outcome("refused", error=str(error), sent=False)
                except UpstreamError as error:
                    failure = failures.failed(route, error)
                    if number < len(routes):
                        await self._s.recorder.attempt_closed(attempts[-1].id, attempts[-1].outcome)
            raise failure or ShimError("no route is left", "no_route")
        finally:
            await self._record(request, attempts, problem)

    async def _attempt(
        self,
        http: web.Request,
        request: Request,
        route: Route,
        number: int,
        attempts: list[Attempt],
    ) -> web.StreamResponse:
        s = self._s
        async with open_gates(request, route, s.plugins, s.store, s.settings) as gates:
            unsent = Outcome("aborted", sent=False)
            attempt = Attempt(new_id(), route, number, _now(), Tee(), unsent)
            attempts.append(attempt)
            try:
                # Before the first row, so that a key in the prompt is known by then.
                key = await self._s.keys.look(route)
                await self._open(request, attempt)
                return await self._call(http, request, attempt, gates, key)
            except UpstreamError as error:
                attempt.outcome = Outcome("error", error.status, error=str(error), sent=error.sent)
                raise
            except StreamBrokenError as error:
                attempt.outcome = Outcome("error", 200, error=str(error))
                return await self._break(http, request, error)
            except ClientGoneError as error:
                raise asyncio.CancelledError from error
            finally:
                attempt.outcome = self._measured(request, attempt)
                await gates.finish(attempt.outcome)

    async def _call(
        self,
        http: web.Request,
        request: Request,
        attempt: Attempt,
        gates: Gates,
        key: str | UpstreamError | None,
    ) -> web.StreamResponse:
        if isinstance(key, UpstreamError):
            raise key
        entry = attempt.route.entry
        headers = {"X-Lodestar-Exchange": request.id, "X-Lodestar-Model": attempt.route.alias}
        relay = Relay(http, attempt.tee, gates, headers, self._s.upstreams.limits)
        attempt.outcome = Outcome("aborted")
        try:
            async with self._s.upstreams.post(
                request, attempt.route, attempt.id, gates.max_output, key
            ) as answer:
                send = relay.stream if request.stream else relay.whole
                response = await send(answer)
        finally:
            if relay.first_ms is not None:
                ttft = relay.first_ms - attempt.started_ms
                attempt.outcome = replace(attempt.outcome, ttft_ms=ttft)
        attempt.outcome = replace(
            attempt.outcome, status="ok", http_status=200, served_model=entry.model
        )
        return response

    async def _open(self, request: Request, attempt: Attempt) -> None:
        recorder = self._s.recorder
        if attempt.number == 1:
            await recorder.opened(request, attempt.route, attempt.id)
        else:
            await recorder.attempted(request, attempt.route, attempt.id, attempt.number)

    async def _break(
        self, http: web.Request, request: Request, error: StreamBrokenError
    ) -> web.StreamResponse:
        self._broken.add(request)
        if error.final or self._broken.count(request) > 1:
            await end_with_length(error.response, request.alias)
        else:
            abort(http)
        return error.response

    def _measured(self, request: Request, attempt: Attempt) -> Outcome:
        tee, outcome = attempt.tee, attempt.outcome
        return replace(
            outcome,
            usage=tee.usage(request.size) if outcome.sent else outcome.usage,
            finish_reason=tee.finish_reason,
            served_model=tee.model or attempt.route.entry.model,
            duration_ms=_now() - attempt.started_ms,
        )

    async def _record(self, request: Request, attempts: list[Attempt], problem: Outcome) -> None:
        recorder = self._s.recorder
        if not attempts:
            await recorder.opened(request, None, None)
            await recorder.finished(Exchange(request, None, problem, 0), None)
            return
        last = attempts[-1]
        exchange = Exchange(request, last.route, last.outcome, len(attempts), last.tee.text)
        await recorder.finished(exchange, last.id)


def _now() -> int:
    return time.monotonic_ns() // 1_000_000
