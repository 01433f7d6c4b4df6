"""All breakers of a process: a server that is gone takes its models with it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from lodestar.exchange import Route
from lodestar.modules.health_monitor.breaker import Breaker, State
from lodestar.modules.health_monitor.judge import Verdict
from lodestar.modules.health_monitor.servers import Upstream, upstream_of
from lodestar.settings import RoutingSettings

_RANK: dict[State, int] = {"closed": 0, "half-open": 1, "open": 2}


@dataclass(frozen=True)
class Turn:
    """A breaker that opened, or closed again."""

    what: str
    opened: bool
    upstream: Upstream | None = None


class Board:
    """The breakers, in memory alone: a request asks them without a query."""

    def __init__(self, settings: RoutingSettings) -> None:
        self._failures = settings.breaker_failures
        self._wait_ms = settings.breaker_s * 1000
        self._lock = threading.Lock()
        self._servers: dict[str, Breaker] = {}
        self._models: dict[Upstream, Breaker] = {}

    def call(self, upstream: Upstream, found: Verdict, at_ms: int) -> list[Turn]:
        """Note how a call went; what opened or closed by it."""
        with self._lock:
            turns = []
            if found.server is not None:
                server = self._server(upstream.server)
                if server.record(found.server, at_ms):
                    turns.append(Turn(upstream.server, not found.server))
            # Where the server is not there, that says nothing of the model.
            if found.server is not False and self._model(upstream).record(found.model, at_ms):
                turns.append(Turn(str(upstream), not found.model, upstream))
            return turns

    def probe(self, server: str, ok: bool, at_ms: int) -> list[Turn]:
        """Note how a probe of a server went."""
        with self._lock:
            return [Turn(server, not ok)] if self._server(server).record(ok, at_ms) else []

    def mended(self, upstream: Upstream, at_ms: int) -> list[Turn]:
        """A model was made to work again."""
        return self.call(upstream, Verdict(True, True), at_ms)

    def order(self, routes: Sequence[Route], now_ms: int) -> Sequence[Route]:
        """The routes that are let through first; none is dropped, and well ones keep their order.

        The first of them is the one that will be tried: where its time was up, nobody else tries.
        """
        with self._lock:
            if not any(self._troubled(route) for route in routes):
                return routes
            ordered = sorted(routes, key=lambda route: not self._lets_through(route, now_ms))
            first = ordered[0]
            if self._lets_through(first, now_ms):
                for breaker in self._of(upstream_of(first.entry)):
                    breaker.try_it(now_ms)
            return ordered

    def state(self, upstream: Upstream, now_ms: int) -> tuple[State, int]:
        """The worse of server and model, and for how many milliseconds more it is open."""
        with self._lock:
            found = [(b.state(now_ms), b.left_ms(now_ms)) for b in self._of(upstream)]
        return max(found, key=lambda one: (_RANK[one[0]], one[1]), default=("closed", 0))

    def troubled_models(self) -> list[Upstream]:
        """Models that failed in a row, at servers that are there."""
        with self._lock:
            return [
                upstream
                for upstream, breaker in self._models.items()
                if breaker.opened_ms is not None and self._is_there(upstream.server)
            ]

    def _is_there(self, server: str) -> bool:
        return server not in self._servers or self._servers[server].opened_ms is None

    def _troubled(self, route: Route) -> bool:
        return any(one.opened_ms is not None for one in self._of(upstream_of(route.entry)))

    def _lets_through(self, route: Route, now_ms: int) -> bool:
        return all(one.lets_through(now_ms) for one in self._of(upstream_of(route.entry)))

    def _of(self, upstream: Upstream) -> list[Breaker]:
        found = (self._servers.get(upstream.server), self._models.get(upstream))
        return [breaker for breaker in found if breaker is not None]

    def _server(self, name: str) -> Breaker:
        return self._servers.setdefault(name, Breaker(self._failures, self._wait_ms))

    def _model(self, upstream: Upstream) -> Breaker:
        return self._models.setdefault(upstream, Breaker(self._failures, self._wait_ms))
