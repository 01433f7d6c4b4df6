"""Where a request may be answered, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lodestar.catalog import WEAK, Catalog
from lodestar.errors import UsageError
from lodestar.exchange import SHORT, Request, Route
from lodestar.hookspecs import Refused
from lodestar.plugins import Plugins
from lodestar.routing import AUTO, LOCAL
from lodestar.settings import Settings
from lodestar.store.store import Store
from lodestar_shim import escalation
from lodestar_shim.edits import LocalEdits
from lodestar_shim.errors import ShimError, for_user
from lodestar_shim.escalation import Closed, Rule


@dataclass(frozen=True)
class Plan:
    """The routes of one request; `closed` are those that need the user's word.

    `refused` says that not even the first one may be asked.
    """

    routes: tuple[Route, ...]
    closed: tuple[Closed, ...] = ()
    refused: Refused | None = None
    auto: bool = False
    usual: str = ""
    """The alias that should answer; the user is told where another one does."""
    short: bool = False
    """A short call that finishes what is under way: it never waits for money, nor goes up."""
    only: bool = False
    """No other model may answer, a free one neither."""

    def after_a_break(self) -> Plan:
        """The same without the first route, whose answer broke off, where there are others."""
        first, *rest = self.routes or (None,)
        if first is None or not rest:
            return self
        reason = escalation.fallback_of(first.alias)
        return replace(self, routes=(replace(rest[0], reason=reason), *rest[1:]))


class Router:
    """Plans requests. The catalogue and the settings of a run stay as they are."""

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        plugins: Plugins,
        store: Store,
        edits: LocalEdits,
    ) -> None:
        self._catalog = catalog
        self._settings = settings
        self._plugins = plugins
        self._store = store
        self._edits = edits
        self._alone: dict[str, Plan] = {}
        """The plans with one route only, by the name that the client sends."""

    async def plan(self, request: Request) -> Plan:
        """The routes of a request. Raises ShimError where its model is not in the catalogue."""
        if request.escalated:
            return self._escalated(request)
        plan = self._alone.get(request.alias)
        # The common case: one model, and nothing to choose.
        if plan and request.kind not in SHORT:
            return plan
        try:
            return await self._chosen(request)
        except UsageError as error:
            raise _not_found(error) from error

    def _escalated(self, request: Request) -> Plan:
        """The model that the user named for this message: a free one has answered already."""
        alias = self._catalog.plain(request.alias)
        try:
            route = Route(alias, self._catalog.get(alias), escalation.ESCALATED)
        except UsageError as error:
            raise _not_found(error) from error
        return Plan((route,), usual=alias, only=True)

    async def _chosen(self, request: Request) -> Plan:
        alias = self._catalog.plain(request.alias)
        if alias == AUTO:
            plan = await self._auto(request)
        else:
            plan = self._named(request, alias)
            if len(plan.routes) == 1 and request.kind not in SHORT:
                self._alone[request.alias] = plan
        fitting = [*plan.routes[:1], *(r for r in plan.routes[1:] if not _long(request, r))]
        ordered = await self._ordered(request, fitting) if len(fitting) > 1 else fitting
        return replace(plan, routes=tuple(ordered))

    def _named(self, request: Request, alias: str) -> Plan:
        """The model that was asked for, then what may answer instead of it."""
        (_, entry), *others = self._catalog.in_order(alias)
        weak = request.alias.endswith(WEAK)
        asked = Route(alias, entry, escalation.WEAK_MODEL if weak else escalation.ASKED)
        ceiling = max(self._settings.tier_ceiling, entry.tier)
        rule = Rule(self._settings, entry.tier, entry.paid, ceiling)
        reason = escalation.fallback_of(alias)
        may, closed = _sorted(rule, [Route(a, e, reason) for a, e in others])
        free = free_route(self._catalog)
        short = weak or request.kind in SHORT
        if short and not entry.paid:
            may = [route for route in may if not route.entry.paid]
        if short and entry.paid and free and free.alias not in (r.alias for r in may):
            may.append(replace(free, reason=reason))
        return Plan((asked, *may), () if short else tuple(closed), usual=alias, short=short)

    async def _auto(self, request: Request) -> Plan:
        """Free models first; those above only for a reason, and where the settings allow it."""
        order = self._catalog.in_order(AUTO)
        routes = [Route(alias, entry, escalation.FIRST) for alias, entry in order]
        may, closed = _sorted(Rule(self._settings, 1, False, self._settings.tier_ceiling), routes)
        free = [route for route in may if _is_free(route)]
        above = [route for route in may if not _is_free(route)]
        if request.kind in SHORT or request.alias.endswith(WEAK):
            instead = free_route(self._catalog)
            free = free or ([instead] if instead else [])
            return Plan(tuple(free), auto=True, usual=order[0][0], short=True)
        reach = _Reach(request, tuple(free), tuple(above), tuple(closed))
        failed = await self._edits.failures(request)
        return reach.plan(failed, self._settings, order[0][0])

    async def _ordered(self, request: Request, routes: Sequence[Route]) -> Sequence[Route]:
        """As the modules order them: they may drop and reorder, and bring nothing of their own."""

        def ask() -> object:
            return self._plugins.filter(
                "order_routes",
                "routes",
                request=request,
                routes=list(routes),
                store=self._store,
                settings=self._settings,
            )

        # A module may look into the database.
        ordered = await asyncio.to_thread(ask)
        found = ordered if isinstance(ordered, Sequence) else []
        kept = [r for n, r in enumerate(found) if r in routes and r not in found[:n]]
        if not kept:
            return routes
        if _is_free(routes[0]) and not _is_free(kept[0]) and routes[0].reason == escalation.FIRST:
            # Nobody failed just now: what a module knows of the free ones is the reason.
            return [replace(kept[0], reason=escalation.DOWN), *kept[1:]]
        return kept


@dataclass(frozen=True)
class _Reach:
    """What `auto` may choose for one request: free models, those above, and closed ones."""

    request: Request
    free: tuple[Route, ...]
    above: tuple[Route, ...]
    closed: tuple[Closed, ...]

    def plan(self, failed: int, settings: Settings, usual: str) -> Plan:
        fitting = tuple(r for r in self.free if not _long(self.request, r))
        tired = failed >= settings.routing.escalate_after
        asks = settings.routing.escalate == "ask" and any(c.bar == "word" for c in self.closed)
        cause = escalation.edits_failed(failed) if tired and fitting else self._cause(fitting)
        if not fitting or tired:
            fit = [route for route in self.above if not _long(self.request, route)]
            above = tuple(replace(route, reason=cause) for route in fit)
            if above:
                rest = [replace(r, reason=escalation.fallback_of(above[0].alias)) for r in fitting]
                return Plan((*above, *rest), self.closed, auto=True, usual=usual)
            if asks or not fitting:
                about = next(iter(self.free), None)
                no = escalation.refused(self.request, cause, self.closed, about)
                return Plan((), self.closed, no, True, usual)
        return Plan((*fitting, *self.above), self.closed, auto=True, usual=usual)

    def _cause(self, fitting: Sequence[Route]) -> str:
        return escalation.TOO_LONG if self.free and not fitting else escalation.FIRST


def free_route(catalog: Catalog) -> Route | None:
    """Where a request is answered that may cost nothing; None where there is no such model."""
    if LOCAL not in catalog or (entry := catalog.get(LOCAL)).paid:
        return None
    return Route(LOCAL, entry, "free model")


def other_free(catalog: Catalog, asked: Sequence[Route]) -> str | None:
    """A free model to name to the user that was not asked: the usual one, or the engine's."""
    known = {route.alias for route in asked}
    free = free_route(catalog)
    if free and free.alias not in known:
        return free.alias
    engines = (a for a, e in catalog if e.provider == "engine" and a not in known)
    return next(engines, None)


def _not_found(error: UsageError) -> ShimError:
    return ShimError(for_user(error.what, error.why, error.do), "model_not_found")


def _sorted(rule: Rule, routes: Sequence[Route]) -> tuple[list[Route], list[Closed]]:
    """Those that may be chosen, and those that need the user's word."""
    bars = [(route, rule.bar(route.entry)) for route in routes]
    return [r for r, bar in bars if bar is None], [Closed(r, bar) for r, bar in bars if bar]


def _is_free(route: Route) -> bool:
    return not route.entry.paid and route.entry.tier == 1


def _long(request: Request, route: Route) -> bool:
    return escalation.too_long(request, route.entry)
