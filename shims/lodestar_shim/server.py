"""Starting and ending a shim: socket, services, ready line, parent's death."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from lodestar.clock import awake_seconds, boot_seconds
from lodestar.errors import LodestarError
from lodestar.known_secrets import env_file_secrets
from lodestar.loading import Context, load
from lodestar.local_models import handed_over, settled
from lodestar.paths import make_private
from lodestar.plugins import Plugins
from lodestar.redaction import Redactor
from lodestar.secrets.accounts import key_variable, without_paid_keys
from lodestar.secrets.finder import Finder
from lodestar.store.sessions import length_and_turn
from lodestar.store.store import Store
from lodestar.terminal import one_line
from lodestar_shim.app import ENTRY, build
from lodestar_shim.connection import Door
from lodestar_shim.database import Database
from lodestar_shim.engine import Engine
from lodestar_shim.keys import Keys
from lodestar_shim.limits import Limits
from lodestar_shim.live import LiveSession
from lodestar_shim.recorder import Recorder
from lodestar_shim.services import Services
from lodestar_shim.spec import Spec
from lodestar_shim.upstream import Upstreams


async def serve(
    spec: Spec, port: int, descriptor: int | None, limits: Limits, redactor: Redactor
) -> int:
    """Serve until the parent leaves or a signal comes; returns the exit code.

    The `redactor` learns every secret that is met on the way.
    """
    stopping = asyncio.Event()
    _watch(stopping, spec.supervised)
    listener = _listener(port, descriptor)
    context = await asyncio.to_thread(_context, spec)
    async with _services(spec, context, limits, redactor) as services:
        app = build(services, listener.getsockname()[1], limits)
        async with _open_to_clients(app, listener, limits):
            _announce(listener, spec)
            await stopping.wait()
    return 0


def _context(spec: Spec) -> Context:
    """The configuration, with the local models that the session began with."""
    context = load(spec.flags, folder=Path(spec.folder))
    if spec.local is None:
        found = settled(context)
        for line in found.warnings[len(context.warnings) :]:
            print(f"warning: {one_line(line)}", file=sys.stderr)  # noqa: T201
        return found
    return replace(context, catalog=handed_over(context.catalog, spec.local))


@asynccontextmanager
async def _open_to_clients(
    app: web.Application, listener: socket.socket, limits: Limits
) -> AsyncIterator[None]:
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=limits.leave_s)
    await runner.setup()
    try:
        if runner.server is None:
            raise RuntimeError("aiohttp made no server")
        door = Door(runner.server, limits, app[ENTRY])
        server = await asyncio.get_running_loop().create_server(door, sock=listener, backlog=256)
        try:
            yield
        finally:
            server.close()
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _services(
    spec: Spec, context: Context, limits: Limits, redactor: Redactor
) -> AsyncIterator[Services]:
    settings = context.settings
    for alias in filter(None, (settings.main, settings.weak, settings.editor)):
        context.catalog.get(alias)
    plugins = Plugins.load(settings)
    database = await asyncio.to_thread(Database, spec, context, plugins)
    store = database.store
    store.checkpoint_apart()
    engine = Engine(context.home, settings.engine)
    upstreams = Upstreams(engine, limits)
    environ = _environment(context, redactor)
    recorder = Recorder(store, settings, plugins, redactor)
    live = _live(spec, context, store, database.fresh)
    if not spec.supervised:
        _stop_between_writes(store)
    beside = [
        *(asyncio.create_task(warming) for warming in _warm(engine, upstreams, context)),
        asyncio.create_task(database.look_after(live, limits)),
    ]
    try:
        yield Services(
            settings=settings,
            catalog=context.catalog,
            plugins=plugins,
            store=store,
            recorder=recorder,
            upstreams=upstreams,
            session=live,
            keys=Keys(Finder.of(context, environ), recorder.learn_secret),
        )
    finally:
        await _cancelled(beside)
        await upstreams.close()
        await engine.close()
        await recorder.close()
        await asyncio.to_thread(database.close, None if spec.supervised else "stopped")
        # Aider has left by now, and made its files as the user's umask says.
        await asyncio.to_thread(make_private, context.home.root)


async def _cancelled(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _environment(context: Context, redactor: Redactor) -> dict[str, str]:
    """Where keys are looked up; the redactor learns all that are in it, closed models' too."""
    environ, entries = dict(os.environ), [entry for _, entry in context.catalog]
    redactor.add(*(environ.get(key_variable(entry) or "", "").strip() for entry in entries))
    redactor.add(*env_file_secrets(context.project.root))
    free_only = context.settings.limits.free_only
    return without_paid_keys(environ, entries) if free_only else environ


def _live(spec: Spec, context: Context, store: Store, fresh: bool) -> LiveSession:
    settings = context.settings
    asleep_too = settings.limits.count_suspend
    clock, started = (boot_seconds, spec.started) if asleep_too else (awake_seconds, spec.awake)
    live = LiveSession(
        spec.session, spec.token, settings, started, clock, supervised=spec.supervised
    )
    if not fresh:
        live.resume(*length_and_turn(store, spec.session))
        live.notice("The shim had died and was started again; the session goes on.", "warn")
    return live


def _warm(
    engine: Engine, upstreams: Upstreams, context: Context
) -> Iterator[Coroutine[Any, Any, Any]]:
    """What takes a while and may as well begin before the first request."""
    entry = context.catalog.get(context.settings.main)
    if entry.provider == "engine":
        yield engine.warm(entry.model)
    elif entry.provider == "ollama":
        yield upstreams.windows.window(entry)
    yield _warm_translator(upstreams, context)


async def _warm_translator(upstreams: Upstreams, context: Context) -> None:
    """Its start takes about as long as Aider's."""
    settings = context.settings
    for alias in filter(None, (settings.main, settings.weak, settings.editor)):
        if context.catalog.get(alias).provider == "litellm":
            await upstreams.translator.warm()


def _stop_between_writes(store: Store) -> None:
    """A stop (Ctrl-Z) waits for the end of a transaction: all sessions would wait for it."""

    def stop() -> None:
        store.between_writes(lambda: os.kill(os.getpid(), signal.SIGSTOP))

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTSTP, lambda: loop.run_in_executor(None, stop))


def _listener(port: int, descriptor: int | None) -> socket.socket:
    if descriptor is not None:
        return socket.socket(fileno=descriptor)
    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=256)
    except OSError as error:
        raise LodestarError(
            f"port {port} cannot be used", str(error.strerror or error), "choose another --port"
        ) from error
    listener.setblocking(False)
    return listener


def _announce(listener: socket.socket, spec: Spec) -> None:
    line = {
        "ready": True,
        "port": listener.getsockname()[1],
        "token": spec.token,
        "pid": os.getpid(),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _watch(stopping: asyncio.Event, supervised: bool) -> None:
    """Leave on SIGTERM, and when stdin, where that is a pipe, closes."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    # The terminal's signals reach a shim that runs alone; a supervised one has no terminal.
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            continue  # nohup
        loop.add_signal_handler(number, (lambda: None) if supervised else stopping.set)
    if stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode):
        loop.add_reader(0, _read_end, stopping)


def _read_end(stopping: asyncio.Event) -> None:
    if not os.read(0, 4096):
        asyncio.get_running_loop().remove_reader(0)
        stopping.set()
