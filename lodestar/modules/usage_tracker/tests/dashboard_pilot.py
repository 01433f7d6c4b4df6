"""Textual's own pilot at the keys of the dashboard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from lodestar.cli.opening import configuration
from lodestar.modules.usage_tracker.dashboard.app import Dashboard
from lodestar.modules.usage_tracker.dashboard.reading import Reading

PATIENCE_S = 30.0
Steps = Callable[[Pilot[int]], Awaitable[None]]


def on_screen(steps: Steps, size: tuple[int, int] = (110, 34)) -> Dashboard:
    """Run the app for these steps; it must not fail."""

    async def play() -> Dashboard:
        app = Dashboard(Reading(configuration()))
        async with app.run_test(size=size, notifications=True) as pilot:
            await steps(pilot)
        return app

    return asyncio.run(play())


def drawn(pilot: Pilot[int]) -> str:
    """All that stands on the screen, row by row."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip) for strip in strips)


async def seen(pilot: Pilot[int], *words: str) -> str:
    """Wait until all of these are on the screen; returns it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        await pilot.pause()
        text = drawn(pilot)
        if all(word in text for word in words):
            return text
        assert time.monotonic() < deadline, f"no {words} on\n{text}"
        await asyncio.sleep(0.02)
