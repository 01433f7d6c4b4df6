"""Work in a thread that is seen to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from functools import partial


async def to_the_end(work: Callable[..., object], *arguments: object) -> None:
    """Run work in a thread and see its end, also where the caller is cancelled meanwhile.

    A cancelled `asyncio.to_thread` that still waits for a thread would never run.
    """
    here = copy_context()
    done = asyncio.get_running_loop().run_in_executor(None, partial(here.run, work, *arguments))
    cancelled: asyncio.CancelledError | None = None
    while True:
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception as error:
            if cancelled:
                raise cancelled from error
            raise
        if done.done():
            break
    if cancelled:
        raise cancelled
