"""Where one exchange has been, and where it may still go."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from lodestar.catalog import Catalog
from lodestar.exchange import Request, Route
from lodestar.hookspecs import Refused
from lodestar_shim import escalation, failures
from lodestar_shim.attempts import Attempt
from lodestar_shim.errors import ShimError
from lodestar_shim.failures import Step
from lodestar_shim.retries import Retries
from lodestar_shim.routes import Plan, free_route, other_free
from lodestar_shim.upstream import UpstreamError


@dataclass(frozen=True)
class Told:
    """A line for the user; under one key it is said once in a while."""

    text: str
    key: str


class Course:
    """The routes of one exchange that are left; `most_s` is how long the answer may take to begin.

    A route is asked again only where that may help, and a refusal never leads to a model that
    costs money.
    """

    def __init__(self, plan: Plan, retries: Retries, catalog: Catalog, most_s: float) -> None:
        self.plan = plan
        self.waiting: list[Route] = list(plan.routes)
        self.refusal = plan.refused
        """The first gate's no."""
        self.trail: list[Step] = []
        """What failed and who refused, in order."""
        self._retries = retries
        self._catalog = catalog
        self._by = time.monotonic() + most_s
        self._asked: dict[str, int] = {}
        self._tries: dict[str, int] = {}

    def next(self) -> Route:
        """The route to ask now."""
        route = self.waiting.pop(0)
        self._tries.setdefault(route.alias, self._retries.tries(route))
        self._asked[route.alias] = self._asked.get(route.alias, 0) + 1
        return route

    @property
    def first_s(self) -> float:
        """How long the route may take to begin its answer: half of what is left, if others wait."""
        return max(0.001, self._left() / (2 if self.waiting else 1))

    def refused(self, route: Route, error: Refused) -> None:
        """A gate said no: what is left is free; the free model may join it."""
        self.refusal = self.refusal or error
        self.trail.append((route, error))
        downgrades = error.policy == "downgrade" and not self.plan.only
        willing = downgrades or self.plan.short or self.plan.auto
        rest = [r for r in self.waiting if not r.entry.paid] if willing else []
        free = free_route(self._catalog)
        if not rest and free and willing and route.entry.paid and free.alias not in self._asked:
            rest = [free]
        self.waiting = [replace(r, reason=failures.reason(error)) for r in rest[:1]] + rest[1:]

    def failed(self, route: Route, error: UpstreamError) -> float:
        """An attempt brought no answer. Returns how long to wait before what is left."""
        self.trail.append((route, error))
        pause = self._again(route, error)
        if not failures.is_too_long(error):
            self._retries.note(route, error)
        if pause is not None:
            self.waiting.insert(0, route)
            return pause
        self._go_on(route, error)
        return 0

    @property
    def ends(self) -> Refused | None:
        """The refusal that ends the session, if one does: that of a model that was meant."""
        meant = not self.trail or isinstance(self.trail[0][1], Refused)
        return self.refusal if self.refusal and self.refusal.policy == "stop" and meant else None

    def unanswered(self, request: Request) -> ShimError:
        """What the user reads where no route is left."""
        ways = escalation.hints(request, self.plan.closed)
        asked = [route for route, _ in self.trail]
        free = other_free(self._catalog, asked)
        return failures.unanswered(self.trail, self.refusal, ways, free)

    def answered(self, last: Attempt, turn: int | None) -> Told | None:
        """An answer began: takes note of how it ended. Returns what the user is told of it."""
        route, outcome = last.route, last.outcome
        if outcome.status == "ok":
            self._retries.note(route, None)
        elif outcome.status == "error":
            self._retries.note(route, UpstreamError(outcome.error or "", outcome.http_status))
        # One that began and was no answer after all is among those that failed.
        failed = outcome.status == "error" and self.trail and self.trail[-1][0] is route
        if failed or self.plan.short or route.alias == self.plan.usual:
            return None
        if self.refusal:
            text = failures.answered_instead(self.refusal, route)
            return Told(text, failures.reason(self.refusal))
        text = failures.served_instead(self.plan.usual, self.trail, route)
        # What costs money is said each turn.
        key = f"{turn}: {route.alias}" if route.entry.paid else f"{self.plan.usual}: {route.alias}"
        return Told(text, f"{key}: {route.reason}")

    def _again(self, route: Route, error: UpstreamError) -> float | None:
        tried = self._asked[route.alias]
        if tried >= self._tries[route.alias]:
            return None
        pause = self._retries.pause(error, tried)
        return pause if pause is not None and pause < self._left() else None

    def _go_on(self, route: Route, error: UpstreamError) -> None:
        long = failures.is_too_long(error)
        if long:
            self.waiting = [r for r in self.waiting if _has_more_room(r, route)]
        if self.waiting:
            following = self.waiting[0]
            self.waiting[0] = replace(following, reason=self._reason(route, following, long))

    def _reason(self, route: Route, following: Route, long: bool) -> str:
        if long:
            return escalation.TOO_LONG
        if self.plan.auto and following.entry.paid and not route.entry.paid:
            return escalation.DOWN
        return escalation.fallback_of(route.alias)

    def _left(self) -> float:
        return self._by - time.monotonic()


def _has_more_room(route: Route, than: Route) -> bool:
    mine, others = route.entry.context, than.entry.context
    return mine is None or others is None or mine > others
