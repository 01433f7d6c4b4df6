"""The translator's life: import, rehearse, serve, leave with the shim that started it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from lodestar_translator.app import Api
from lodestar_translator.library import Library

# The import takes a second or two of a processor that Aider wants, too.
NICENESS = 10
SHUTDOWN_S = 0.2


async def serve(server: socket.socket, socket_path: Path, token: str) -> None:
    """Serve on a listening socket until a signal comes or stdin closes."""
    stop = _stop_with_parent()
    loading = asyncio.create_task(_loaded())
    ending = asyncio.create_task(stop.wait())
    await asyncio.wait({loading, ending}, return_when=asyncio.FIRST_COMPLETED)
    if not loading.done():
        return
    library = loading.result()
    await library.warm()
    app = Api(library, token).application()
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S
    )
    await runner.setup()
    try:
        await web.SockSite(runner, server).start()
        _announce(socket_path)
        await stop.wait()
    finally:
        await runner.cleanup()


async def _loaded() -> Library:
    """litellm, imported by a thread of low priority; this one stays as quick as it is."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Library] = loop.create_future()

    def load() -> None:
        # On Linux a priority is a thread's own.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        try:
            library = Library()
        except BaseException as error:
            loop.call_soon_threadsafe(result.set_exception, error)
        else:
            loop.call_soon_threadsafe(result.set_result, library)

    threading.Thread(target=load, name="import", daemon=True).start()
    return await result


def _stop_with_parent() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)

    def read() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            stop.set()

    loop.add_reader(0, read)
    return stop


def _announce(socket_path: Path) -> None:
    ready = {"ready": True, "socket": str(socket_path), "pid": os.getpid()}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    # What litellm prints from now on has no reader.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
