"""News for the user from gates and modules, and word of it to every module."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiohttp.helpers import ceil_timeout

from lodestar.terminal import one_line
from lodestar.threads import to_the_end
from lodestar_shim.services import Services

log = logging.getLogger("lodestar.shim.tidings")
WIDTH = 500
SOON_S = 0.05
TITLE_WIDTH = 100
AGAIN_S = 300.0
"""What is said under a key is not said again for this long."""
LEVELS = ("info", "warn")


class Tidings:
    """Asks the modules for news after each exchange and each minute; shows it as notices."""

    def __init__(self, services: Services) -> None:
        self._s = services
        self._tick_s = services.upstreams.limits.tick_s
        self._due = asyncio.Event()
        self._said: dict[str, float] = {}
        self._told = 0
        """The newest notice that the modules know of."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; what a module is doing just now is seen to its end."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def ask_soon(self) -> None:
        """An exchange is over: the modules may have something to say."""
        self._due.set()

    def say(self, text: str, level: str = "info", key: str | None = None) -> None:
        """Show a line to the user, unless one under the same key was shown just now."""
        now = time.monotonic()
        if key is not None:
            if now - self._said.get(key, -AGAIN_S) < AGAIN_S:
                return
            self._said[key] = now
        self._s.session.notice(one_line(text, WIDTH), level)
        self._due.set()

    async def _run(self) -> None:
        while True:
            # Not wait_for: it forgets a cancellation that comes with what it waits for.
            with suppress(asyncio.TimeoutError):
                async with ceil_timeout(self._tick_s):
                    await self._due.wait()
                    # Soon enough for who reads it, and once for many exchanges.
                    await asyncio.sleep(SOON_S)
            self._due.clear()
            for said in await self._collect({"type": "tick"}):
                self._take(said)
            for notice in [n for n in self._s.session.notices if n["id"] > self._told]:
                self._told = notice["id"]
                await self._collect({"type": "notice", **notice})

    async def _collect(self, event: Mapping[str, Any]) -> list[Any]:
        s, said = self._s, list[Any]()

        def work() -> None:
            s.recorder.observe()
            s.store.checkpoint()
            said.extend(
                s.plugins.collect(
                    "session_event",
                    session=s.session.id,
                    event=dict(event),
                    store=s.store,
                    settings=s.settings,
                )
            )

        await to_the_end(work)
        return said

    def _take(self, said: Any) -> None:
        """Show what one module returned; a shape that is none of ours is left out."""
        for item in said if isinstance(said, (list, tuple)) else [None]:
            fields = item if isinstance(item, Mapping) else {}
            text, level = fields.get("text"), fields.get("level", "info")
            title = fields.get("title", "")
            if not isinstance(text, str) or level not in LEVELS or not isinstance(title, str):
                log.error("a module's notice is not {text, level, title}: %.200r", item)
                continue
            self._s.session.notice(one_line(text, WIDTH), level, one_line(title, TITLE_WIDTH))
