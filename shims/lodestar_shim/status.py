"""The status line: what the next message goes to and costs, and how much time is left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from lodestar.exchange import Route
from lodestar.terminal import one_line
from lodestar_shim.routes import free_route
from lodestar_shim.services import Services
from lodestar_shim.time_limit import status_text

log = logging.getLogger("lodestar.shim.status")
WIDTH = 80


class Status:
    """Asks the modules at each poll, so that a limit that was raised shows at once."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._model: str | None = None
        self._asked: Sequence[Any] | None = None
        self._failed: set[str] = set()

    def use(self, model: str) -> None:
        """What Aider says that it uses; before that nothing is claimed."""
        self._model = model

    async def now(self) -> dict[str, Any]:
        """The segments of the line, and why a request waits, where one does."""
        route = self._route()
        said = await asyncio.to_thread(self._told, route) if route else {}
        segments = [] if self._model is None else [self._billing(self._model, route, said)]
        time = self._s.session.time
        if time is not None:
            segments.append(status_text(time.remaining_s))
        waits = said.get("waits")
        if waits is None:
            return {"status": segments}
        return {"status": [*segments, f"a request waits: {waits}"], "waits": waits}

    def _route(self) -> Route | None:
        """Where the next message goes, as far as Aider has said."""
        catalog = self._s.catalog
        if self._model is None or (alias := catalog.plain(self._model)) not in catalog:
            return None
        return Route(alias, catalog.get(alias), "you asked")

    def _billing(self, model: str, route: Route | None, said: Mapping[str, str]) -> str:
        """FREE, PAID or CLOSED, and the alias: what the user's next message will cost."""
        if route is None:
            return f"UNKNOWN {self._s.catalog.plain(model)}"
        closed, free = said.get("closed"), free_route(self._s.catalog)
        if not route.entry.paid or closed is None:
            price = "PAID" if route.entry.paid else "FREE"
            return f"{price} {_name(route)}{', else PAID' if self._may_pay(route) else ''}"
        if free and said.get("policy", "downgrade") == "downgrade":
            return f"FREE {_name(free)}, not {route.alias}: {closed}"
        return f"CLOSED {_name(route)}: {closed}"

    def _may_pay(self, route: Route) -> bool:
        """Whether a paid model may answer for this free one without another word."""
        settings = self._s.settings
        if route.entry.paid or settings.limits.free_only:
            return False
        return any(entry.paid for entry in self._s.catalog.reached(route.alias, settings))

    def _told(self, route: Route) -> dict[str, str]:
        """What the modules say, and the session itself. In a worker thread."""
        s = self._s
        if self._asked is None:
            found = s.plugins.collect("control_actions", settings=s.settings)
            lists = [one for one in found if isinstance(one, (list, tuple))]
            self._asked = [action for one in lists for action in one if callable(action)]
        told: dict[str, str] = {}
        for action in self._asked:
            told = {**self._answer(action, route), **told}
        if route.entry.paid and s.settings.limits.free_only:
            told |= {"closed": "free only", "policy": "downgrade"}
        return told

    def _answer(self, action: Any, route: Route) -> dict[str, str]:
        s = self._s
        try:
            answer = action(s.session.id, route, s.store, s.settings) or {}
            return {k: one_line(v, WIDTH) for k, v in answer.items() if isinstance(v, str)}
        except Exception:
            name = repr(action)
            # Once: it is asked each second.
            if name not in self._failed:
                self._failed.add(name)
                log.exception("a module's status is left out")
            return {}


def _name(route: Route) -> str:
    return f"{route.alias} ({route.entry.label})" if route.entry.label else route.alias
