"""The engine's life: serve, unload what is idle, leave when nobody needs it."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from lodestar_engine.activity import Activity
from lodestar_engine.app import Api
from lodestar_engine.library import Library
from lodestar_engine.loaded import LoadedModel
from lodestar_engine.pool import ModelPool

# Leases and streams are open-ended: there is nothing to wait for when leaving.
SHUTDOWN_S = 0.2
MANY_CORES = 4


@dataclass(frozen=True)
class Options:
    """How to serve; times in seconds."""

    home: Path
    threads: int
    idle_unload_s: float
    idle_exit_s: float


def default_threads() -> int:
    """Physical cores, by the usual guess that large counts include hyper-threads."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // 2 if (cores or 1) > MANY_CORES else cores or 1)


async def serve(options: Options, server: socket.socket, socket_path: Path) -> None:
    """Serve on a listening socket until a signal comes or the engine is idle for long."""
    library = Library(options.home)
    load = functools.partial(LoadedModel, threads=options.threads)
    pool = ModelPool(library, load)
    activity = Activity()
    stop = _stop_on_signals()
    app = Api(library, pool, activity).application()
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S
    )
    await runner.setup()
    try:
        await web.SockSite(runner, server).start()
        _announce(socket_path)
        await _until_idle(options, pool, activity, stop)
    finally:
        await runner.cleanup()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _announce(socket_path: Path) -> None:
    ready = {"ready": True, "socket": str(socket_path), "pid": os.getpid()}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


async def _until_idle(
    options: Options, pool: ModelPool, activity: Activity, stop: asyncio.Event
) -> None:
    beat = min(1.0, options.idle_exit_s / 4, options.idle_unload_s / 4)
    while not stop.is_set() and activity.idle_s() < options.idle_exit_s:
        await pool.unload_idle(options.idle_unload_s)
        try:
            await asyncio.wait_for(stop.wait(), beat)
        except asyncio.TimeoutError:
            continue
