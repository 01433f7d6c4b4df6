"""Work in a thread that is seen to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def to_the_end(work: Callable[..., object], *arguments: object) -> None:
    """Run work in a thread and see its end, also where the caller is cancelled meanwhile.

    A cancelled `asyncio.to_thread` that still waits for a thread would never run.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled from task.exception()
    task.result()
