"""Questions that are asked again and again; one that is slow or fails keeps nobody waiting."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import Any

from lodestar.control import StatusQuestion
from lodestar.exchange import Route
from lodestar.terminal import one_line
from lodestar_shim.services import Services

log = logging.getLogger("lodestar.shim.status")
WAIT_S = 0.25
"""So long the status waits for those that are slow; then it shows what they said last,"""
LASTS_S = 5.0
"""for so long."""
WIDTH = 80
MOST = 12
Answer = Mapping[str, Any]


class Question:
    """One question to a module, in a thread of its own, never twice at once.

    It takes no worker from the requests, and a shim that leaves does not wait for it.
    """

    def __init__(self, services: Services, ask: StatusQuestion) -> None:
        self._s = services
        self._ask = ask
        self._thinking: asyncio.Future[Answer] | None = None
        self._about = ""
        self._said: tuple[str, float, Answer] | None = None
        self._complained = False

    def ask(self, route: Route) -> asyncio.Future[Answer] | None:
        """Begin to ask; None while it still thinks about an earlier time."""
        if self._thinking:
            return None
        loop = asyncio.get_running_loop()
        self._about, self._thinking = route.alias, loop.create_future()
        self._thinking.add_done_callback(self._heard)
        rest = (loop, self._thinking)
        Thread(target=self._think, args=(route, *rest), name="lodestar-ask", daemon=True).start()
        return self._thinking

    def _think(
        self, route: Route, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Answer]
    ) -> None:
        said = self.answer(route)
        # The shim may be over by now.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(answer.set_result, said)

    def newest(self, route: Route) -> Answer:
        """What it said last of this route, as far as that is not too long ago."""
        if self._thinking:
            self._complain("is slow")
        about, when, answer = self._said or ("", 0.0, {})
        return answer if about == route.alias and monotonic() - when < LASTS_S else {}

    def _heard(self, answer: asyncio.Future[Answer]) -> None:
        self._thinking, self._said = None, (self._about, monotonic(), answer.result())

    def answer(self, route: Route) -> Answer:
        """What it says now, however long that takes; nothing where it fails. Not in the loop."""
        s = self._s
        try:
            return cleaned(self._ask(s.session.id, route, s.store, s.settings) or {})
        except Exception:
            self._complain("failed", exc_info=True)
            return {}

    def _complain(self, how: str, exc_info: bool = False) -> None:
        # Once: it is asked each second.
        if not self._complained:
            self._complained = True
            log.warning("a question for the status line %s: %r", how, self._ask, exc_info=exc_info)


async def answers(questions: Sequence[Question], route: Route) -> list[Answer]:
    """What all of them say now, or said last, in the same order."""
    asked = [thinking for one in questions if (thinking := one.ask(route))]
    if asked:
        await asyncio.wait(asked, timeout=WAIT_S)
    return [one.newest(route) for one in questions]


def cleaned(answer: Answer) -> Answer:
    """Its texts, each on one line and fit to be shown; anything else is left out."""
    texts = {k: one_line(v, WIDTH) for k, v in answer.items() if isinstance(v, str)}
    found: dict[str, Any] = {k: text for k, text in texts.items() if k != "parts"}
    parts = answer.get("parts")
    if isinstance(parts, (list, tuple)):
        lines = [one_line(part, WIDTH) for part in parts if isinstance(part, str)]
        found["parts"] = [line for line in lines if line][:MOST]
    return found
