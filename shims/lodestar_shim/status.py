"""The status line: what the next message goes to and costs, and how much time is left."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from lodestar.exchange import Route
from lodestar_shim.answered import LastAnswer
from lodestar_shim.questions import Answer, Question, answers
from lodestar_shim.routes import free_route
from lodestar_shim.services import Services
from lodestar_shim.time_limit import status_text


class Status:
    """Asks the modules at each poll, so that a limit that was raised shows at once."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._model: str | None = None

    def use(self, model: str) -> None:
        """What Aider says that it uses; before that nothing is claimed."""
        self._model = model

    async def now(self) -> dict[str, Any]:
        """The line's segments, the most important first, and why a request waits, where one does.

        A narrow terminal leaves out the last ones.
        """
        route = self.route(self._model)
        said: Mapping[str, Any] = {}
        if route:
            questions = await asyncio.to_thread(lambda: self._questions)
            said = self._merged(route, await answers(questions, route))
        segments = [] if self._model is None else [self._billing(self._model, route, said)]
        waits = said.get("waits")
        if waits is not None:
            segments.append(f"a request waits: {waits}")
        time = self._s.session.time
        if time is not None:
            segments.append(status_text(time.remaining_s))
        segments += said.get("parts", ())
        return {"status": segments} if waits is None else {"status": segments, "waits": waits}

    def route(self, model: str | None) -> Route | None:
        """Where a message to this model goes; None where Aider has not said its model."""
        catalog, model = self._s.catalog, model or self._model
        if model is None or (alias := catalog.plain(model)) not in catalog:
            return None
        return Route(alias, catalog.get(alias), "you asked")

    def _billing(self, model: str, route: Route | None, said: Mapping[str, Any]) -> str:
        """FREE, PAID or CLOSED, and the alias: what the user's next message will cost."""
        if route is None:
            return f"UNKNOWN {self._s.catalog.plain(model)}"
        closed, free = said.get("closed"), free_route(self._s.catalog)
        if not route.entry.paid or closed is None:
            price = "PAID" if route.entry.paid else "FREE"
            return f"{price} {shown_name(route)}{', else PAID' if self._may_pay(route) else ''}"
        if free and said.get("policy", "downgrade") == "downgrade":
            return f"FREE {shown_name(free)}, not {route.alias}: {closed}"
        return f"CLOSED {shown_name(route)}: {closed}"

    def _may_pay(self, route: Route) -> bool:
        """Whether a paid model may answer for this free one without another word."""
        settings = self._s.settings
        if route.entry.paid or settings.limits.free_only:
            return False
        return any(entry.paid for entry in self._s.catalog.reached(route.alias, settings))

    def told(self, route: Route) -> dict[str, Any]:
        """What is said of any route just now. In a worker thread, which waits for who is slow."""
        return self._merged(route, [one.answer(route) for one in self._questions])

    def _merged(self, route: Route, answers: Sequence[Answer]) -> dict[str, Any]:
        """All in one, the first one's word before the next one's; and the session's own."""
        told: dict[str, Any] = {}
        for answer in answers:
            told = {**answer, **told}
        if route.entry.paid and self._s.settings.limits.free_only:
            told |= {"closed": "free only", "policy": "downgrade"}
        return told | {"parts": [part for answer in answers for part in answer.get("parts", ())]}

    @cached_property
    def _questions(self) -> list[Question]:
        """Core's own question and those of the modules; they are looked for in a worker thread."""
        s = self._s
        lists = s.plugins.collect("control_actions", settings=s.settings)
        actions = [action for one in lists if isinstance(one, (list, tuple)) for action in one]
        asked = [LastAnswer(s.catalog), *(action for action in actions if callable(action))]
        return [Question(s, ask) for ask in asked]


def shown_name(route: Route) -> str:
    """The alias of a route and what its entry is called."""
    return f"{route.alias} ({route.entry.label})" if route.entry.label else route.alias
