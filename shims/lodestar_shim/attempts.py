"""The attempts of one exchange: each through its own gates, to one upstream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from time import perf_counter

from lodestar.exchange import Exchange, Outcome, Route, Status
from lodestar.ids import new_id
from lodestar.store.riding import Rider, riding
from lodestar.threads import to_the_end
from lodestar_shim.asker import Asker
from lodestar_shim.broken import BrokenPrompts
from lodestar_shim.gates import Gates, open_gates
from lodestar_shim.relay import ClientGoneError, Relay, StreamBrokenError, end_with_length
from lodestar_shim.services import Services
from lodestar_shim.tee import Tee
from lodestar_shim.upstream import UpstreamError

Key = str | UpstreamError | None
ABORTED: Status = "aborted"
_UNWRITTEN = "a paid call is not sent that cannot be written down before: see logs/shim.log"


@dataclass
class Attempt:
    """One call to one upstream, as far as it has come."""

    id: str
    route: Route
    number: int
    started_ms: int
    tee: Tee
    outcome: Outcome
    written: bool = False
    """Whether its row, open, is in the log."""
    recorded: bool = False
    """Whether its end, and that of its exchange, is."""
    cash_nano: int = 0
    upstream_s: float = 0.0
    """How long it was in the upstream's hands."""

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
    def before(self) -> list[tuple[Route, Outcome]]:
        """The attempts before the last one, and how they ended."""
        return [(attempt.route, attempt.outcome) for attempt in self.made[:-1]]

    @property
    def answered(self) -> bool:
        """Whether an answer began."""
        return bool(self.made) and self.made[-1].outcome.ttft_ms is not None

    @property
    def is_late_news(self) -> bool:
        """Whether something failed, and its client may know already how the exchange ended."""
        last = self.made[-1] if self.made else None
        if last is None:
            return False
        broke_off = last.outcome.status == "error" and last.outcome.ttft_ms is not None
        return broke_off or (len(self.made) > 1 and last.tee.complete)

    async def at(self, route: Route, first_s: float) -> None:
        """Try a route; its answer is to begin within `first_s`.

        Raises Refused, UpstreamError; CancelledError where nobody listens.
        """
        unsent = Outcome(ABORTED, sent=False)
        attempt = Attempt(new_id(), route, len(self.made) + 1, _now(), Tee(), unsent)
        async with self._gates(attempt) as gates:
            self.made.append(attempt)
            self._asker.tee = attempt.tee
            try:
                # Once the gates are open, and before the first row: it may stand in it.
                key = await self._s.keys.look(route)
                if not attempt.written:
                    await self._open(attempt)
                await self._call(attempt, gates, key, first_s)
            except UpstreamError as error:
                # Its server's words go to the client as well; they may quote the key.
                error.args = (self._s.recorder.words(str(error)),)
                attempt.failed(str(error), error.status, error.sent)
                raise
            except StreamBrokenError as error:
                attempt.failed(str(error), 200)
                await self._break(error)
            except ClientGoneError as error:
                raise asyncio.CancelledError from error
            finally:
                await self._settle(attempt, gates)

    @asynccontextmanager
    async def _gates(self, attempt: Attempt) -> AsyncIterator[Gates]:
        """The opened gates; the attempt's first row goes along with the hold of its money."""
        s, request, route = self._s, self._request, attempt.route
        rider = Rider(lambda: s.recorder.opening(request, route, attempt.id))
        rides = attempt.number == 1 and s.keys.knows(route)
        asked = perf_counter()
        async with AsyncExitStack() as stack:
            try:
                with riding(rider) if rides else nullcontext():
                    opened = open_gates(request, route, s.plugins, s.store, s.settings)
                    gates = await stack.enter_async_context(opened)
            except BaseException as error:
                if rider.arrived:
                    self.made.append(attempt)
                if rider.error:
                    raise UpstreamError(_UNWRITTEN, sent=False) from error
                raise
            if route.entry.paid:
                s.metrics.hold_wait.observe(perf_counter() - asked)
            attempt.written = rider.arrived
            yield gates

    async def _settle(self, attempt: Attempt, gates: Gates) -> None:
        self._asker.billed = False
        if self._asker.content and attempt.outcome.status == "aborted":
            attempt.outcome = replace(attempt.outcome, status="ok", http_status=200)
        # Modules keep what they are told: a provider's words may quote a key.
        attempt.outcome = self._s.recorder.clean(attempt.measured(self._request.size))
        try:
            if attempt.outcome.status == "ok":
                await self._complete(attempt, gates)
            else:
                await to_the_end(gates.finish, attempt.outcome)
        finally:
            self.notices += gates.notices
            attempt.cash_nano = gates.cash_nano

    async def _complete(self, attempt: Attempt, gates: Gates) -> None:
        made, outcome = len(self.made), attempt.outcome
        text, before = attempt.tee.text, self.before
        exchange = Exchange(self._request, attempt.route, outcome, made, text, before)
        await self._s.recorder.completed(exchange, attempt.id, gates.finish)
        attempt.recorded = True

    async def failed_over(self) -> None:
        """Record the last attempt; another one follows."""
        last = self.made[-1]
        await self._s.recorder.attempt_closed(last.id, last.outcome)

    async def _call(self, attempt: Attempt, gates: Gates, key: Key, first_s: float) -> None:
        if isinstance(key, UpstreamError):
            raise key
        request, route, upstreams = self._request, attempt.route, self._s.upstreams
        headers = {"X-Lodestar-Exchange": request.id, "X-Lodestar-Model": route.alias}
        relay = Relay(self._asker, attempt.tee, gates, headers, first_s, upstreams.limits.tail_s)

        def sending() -> None:
            if self._asker.gone:
                raise asyncio.CancelledError
            attempt.outcome = Outcome(ABORTED)
            self._asker.billed = route.entry.paid

        began, status, code = perf_counter(), ABORTED, None
        try:
            cap = gates.max_output
            call = upstreams.post(request, route, attempt.id, cap, key, first_s, sending)
            async with call as answer:
                send = relay.stream if request.stream else relay.whole
                await send(answer)
            status, code = "ok", 200
        finally:
            attempt.upstream_s = perf_counter() - began
            ttft = None if relay.first_ms is None else relay.first_ms - attempt.started_ms
            overran = relay.overran
            sent = attempt.outcome.sent
            attempt.outcome = Outcome(status, code, ttft_ms=ttft, overran=overran, sent=sent)

    async def _open(self, attempt: Attempt) -> None:
        recorder, request, route = self._s.recorder, self._request, attempt.route
        try:
            if attempt.number == 1:
                await recorder.opened(request, route, attempt.id)
            else:
                await recorder.attempted(request, route, attempt.id, attempt.number)
        except Exception as error:
            # Raised for what costs money alone, whatever it was.
            raise UpstreamError(_UNWRITTEN, sent=False) from error

    async def _break(self, error: StreamBrokenError) -> None:
        if self._asker.gone:
            raise asyncio.CancelledError from error
        request = self._request
        self._broken.add(request)
        if error.final or self._broken.count(request) > 1:
            await end_with_length(self._asker.client, request.alias)
        else:
            self._asker.client.abort()


def _now() -> int:
    return time.monotonic_ns() // 1_000_000
