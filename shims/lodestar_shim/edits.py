"""Whether the free model's edits of this turn worked, as the launcher reports them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp.helpers import ceil_timeout

from lodestar.exchange import Request, Route

WAIT_S = 0.5
"""A report comes on another connection than the request after it, and may be a moment later."""
EDITS = ("edit", "editor", "reflection")


class LocalEdits:
    """Counts the failed edits of free models in a turn; a success or a new turn begins anew."""

    def __init__(self) -> None:
        self._turn: int | None = None
        self._free: dict[str, bool] = {}
        """By request of the launcher, in order, whether a free model was asked."""
        self._failed: dict[str, bool] = {}
        self._news = asyncio.Event()

    def asked(self, request: Request, route: Route) -> None:
        """A request for an edit goes to this route; the last one it goes to counts."""
        if request.client_request and request.kind in EDITS:
            self._begin(request.turn)
            self._free[request.client_request] = not route.entry.paid

    def heard(self, event: Mapping[str, Any]) -> None:
        """What the launcher reports: a turn that begins, an edit, and what lint and tests say."""
        kind, request = event.get("type"), event.get("request")
        if kind == "turn":
            self._begin(event.get("turn"))
        elif isinstance(request, str) and request in self._free and kind in _BAD:
            self._failed[request] = self._failed.get(request, False) or _BAD[kind](event)
            self._news.set()

    async def failures(self, request: Request) -> int:
        """How many edits of a free model failed in this turn, since one worked.

        Waits a moment for the report on the last one, where this is the request that follows it.
        """
        if not request.turn or request.turn != self._turn or request.kind not in EDITS:
            return 0
        if request.kind == "reflection" and self._free:
            await self._report_on(next(reversed(self._free)))
        count = 0
        for asked, free in self._free.items():
            failed = self._failed.get(asked)
            count = 0 if failed is False else count + (free and failed is True)
        return count

    async def _report_on(self, asked: str) -> None:
        try:
            async with ceil_timeout(WAIT_S):
                while asked not in self._failed:
                    self._news.clear()
                    await self._news.wait()
        except asyncio.TimeoutError:
            # Aider also asks again for other reasons, such as a file that the model named.
            return

    def _begin(self, turn: object) -> None:
        # A turn is reported after its first request, or before it.
        if isinstance(turn, int) and turn != self._turn:
            self._turn = turn
            self._free.clear()
            self._failed.clear()


_BAD = {
    "apply": lambda event: bool(event.get("malformed") or event.get("reflected")),
    "lint": lambda event: bool(event.get("errors")),
    "test": lambda event: bool(event.get("errors")),
}
