"""The attempts of one exchange: each through its own gates, to one upstream."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from aiohttp import web

from lodestar.exchange import Outcome, Route
from lodestar.ids import new_id
from lodestar_shim.asker import Asker
from lodestar_shim.broken import BrokenPrompts
from lodestar_shim.gates import Gates, open_gates
from lodestar_shim.relay import ClientGoneError, Relay, StreamBrokenError, abort, end_with_length
from lodestar_shim.services import Services
from lodestar_shim.tee import Tee
from lodestar_shim.upstream import UpstreamError


@dataclass
class Attempt:
    """One call to one upstream, as far as it has come."""

    id: str
    route: Route
    number: int
    started_ms: int
    tee: Tee
    outcome: Outcome

    def failed(self, why: str, status: int | None, sent: bool = True) -> None:
        """It brought no answer, or half of one."""
        self.outcome = replace(
            self.outcome, status="error", http_status=status, error=why, sent=sent
        )

    def measured(self, request_bytes: int) -> Outcome:
        """The outcome with what was counted on the way."""
        tee, outcome = self.tee, self.outcome
        whole = outcome.status == "ok"
        return replace(
            outcome,
            usage=tee.usage(request_bytes, whole) if outcome.sent else outcome.usage,
            finish_reason=tee.finish_reason,
            served_model=tee.model or self.route.entry.model,
            duration_ms=_now() - self.started_ms,
            received_bytes=tee.received,
        )


class Attempts:
    """What was tried for one exchange so far; one that a gate refuses is none."""

    def __init__(self, services: Services, broken: BrokenPrompts, asker: Asker) -> None:
        self._s = services
        self._broken = broken
        self._asker = asker
        self._request = asker.request
        self.made: list[Attempt] = []
        self.notices: list[str] = []
        """What the gates had to say."""

    @property
    def answered(self) -> bool:
        """Whether an answer began."""
        return bool(self.made) and self.made[-1].outcome.ttft_ms is not None

    async def at(self, route: Route) -> web.StreamResponse:
        """Try a route. Raises Refused, UpstreamError; CancelledError where nobody listens."""
        s, request = self._s, self._request
        async with open_gates(request, route, s.plugins, s.store, s.settings) as gates:
            unsent = Outcome("aborted", sent=False)
            attempt = Attempt(new_id(), route, len(self.made) + 1, _now(), Tee(), unsent)
            self.made.append(attempt)
            self._asker.tee = attempt.tee
            try:
                # Before the first row, so that a key in the prompt is known by then.
                key = await s.keys.look(route)
                await self._open(attempt)
                return await self._call(attempt, gates, key)
            except UpstreamError as error:
                attempt.failed(str(error), error.status, error.sent)
                raise
            except StreamBrokenError as error:
                attempt.failed(str(error), 200)
                return await self._break(error)
            except ClientGoneError as error:
                raise asyncio.CancelledError from error
            finally:
                self._asker.billed = False
                if self._asker.content and attempt.outcome.status == "aborted":
                    attempt.outcome = replace(attempt.outcome, status="ok", http_status=200)
                # Modules keep what they are told: a provider's words may quote a key.
                attempt.outcome = s.recorder.clean(attempt.measured(request.size))
                try:
                    await gates.finish(attempt.outcome)
                finally:
                    self.notices += gates.notices

    async def failed_over(self) -> None:
        """Record the last attempt; another one follows."""
        last = self.made[-1]
        await self._s.recorder.attempt_closed(last.id, last.outcome)

    async def _call(
        self, attempt: Attempt, gates: Gates, key: str | UpstreamError | None
    ) -> web.StreamResponse:
        if isinstance(key, UpstreamError):
            raise key
        request, route, upstreams = self._request, attempt.route, self._s.upstreams
        headers = {"X-Lodestar-Exchange": request.id, "X-Lodestar-Model": route.alias}
        relay = Relay(self._asker, attempt.tee, gates, headers, upstreams.limits)
        attempt.outcome = Outcome("aborted")
        self._asker.billed = route.entry.paid
        try:
            async with upstreams.post(request, route, attempt.id, gates.max_output, key) as answer:
                send = relay.stream if request.stream else relay.whole
                response = await send(answer)
        finally:
            ttft = None if relay.first_ms is None else relay.first_ms - attempt.started_ms
            attempt.outcome = replace(attempt.outcome, ttft_ms=ttft, overran=relay.overran)
        attempt.outcome = replace(attempt.outcome, status="ok", http_status=200)
        return response

    async def _open(self, attempt: Attempt) -> None:
        recorder, request, route = self._s.recorder, self._request, attempt.route
        try:
            if attempt.number == 1:
                await recorder.opened(request, route, attempt.id)
            else:
                await recorder.attempted(request, route, attempt.id, attempt.number)
        except Exception as error:
            # Raised for what costs money alone, whatever it was.
            why = "a paid call is not sent that cannot be written down before: see logs/shim.log"
            raise UpstreamError(why, sent=False) from error

    async def _break(self, error: StreamBrokenError) -> web.StreamResponse:
        if self._asker.gone:
            raise asyncio.CancelledError from error
        request = self._request
        self._broken.add(request)
        if error.final or self._broken.count(request) > 1:
            await end_with_length(error.response, request.alias)
        else:
            abort(self._asker.http)
        return error.response


def _now() -> int:
    return time.monotonic_ns() // 1_000_000
