"""`lodestar dashboard --web`: the page of the report, served on loopback and kept up to date."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import secrets
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from lodestar.cli.output import note
from lodestar.clock import local_text, now_ms
from lodestar.errors import LodestarError, UsageError
from lodestar.loading import Context
from lodestar.modules.usage_tracker.reports.asking import Asked
from lodestar.modules.usage_tracker.reports.html import POLICY, html
from lodestar.modules.usage_tracker.reports.page import page
from lodestar.modules.usage_tracker.reports.reporting import source
from lodestar.paths import Home

LINK_S = 300.0
"""A link that nobody opened is worth nothing after so long."""
EVERY_S = 5
LIVE = f"{POLICY}; script-src 'self'; connect-src 'self'"
PERIODS = ("today", "week", "month", "year", "all")
State = tuple[object, ...]
_SCRIPT = Path(__file__).with_name("live.js")


class Door:
    """Who may come in: the holder of a cookie, which a link gives to the first who opens it."""

    def __init__(self) -> None:
        # A cookie goes to every server of this host, whatever its port, that is asked for its path.
        self.place = f"/{secrets.token_urlsafe(16)}/"
        self._cookie = secrets.token_urlsafe(32)
        self._links: dict[str, float] = {}

    def link(self) -> str:
        """A path that works once, and not for long."""
        word = secrets.token_urlsafe(24)
        self._links = {word: time.monotonic() + LINK_S}
        return f"/open/{word}"

    def opened(self, word: str) -> str | None:
        """The cookie, if this is a link that still works; it never works again."""
        ends = self._links.pop(word, 0.0)
        return self._cookie if time.monotonic() < ends else None

    def admits(self, cookie: str) -> bool:
        """Whether this is the cookie."""
        return hmac.compare_digest(cookie.encode("utf-8", "replace"), self._cookie.encode())


class Site:
    """The pages. They are made in a thread, one at a time."""

    def __init__(self, context: Context, door: Door, port: int) -> None:
        self._context = context
        self._door = door
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._name = f"lodestar_{port}"
        self._making = asyncio.Lock()
        self._made: dict[str, tuple[State, str]] = {}
        """By period, the last page and the state of the ledger that it shows."""

    def app(self) -> web.Application:
        """What is served; everything but the link needs the cookie."""
        app = web.Application(middlewares=[self._guard], client_max_size=1024)
        # Who only looks at the head of a link must not use it up.
        app.router.add_get("/open/{word}", self._open, allow_head=False)
        app.router.add_get(self._door.place, self._page)
        app.router.add_get(f"{self._door.place}live.js", self._live)
        return app

    @property
    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                response = self._refused(request) or await handler(request)
            except web.HTTPException as error:
                response = _plain(error.status, error.reason)
            response.headers.update(_HEADERS)
            return response

        return guard

    def _refused(self, request: web.Request) -> web.Response | None:
        own = {f"http://{host}" for host in self._hosts}
        if request.host not in self._hosts:
            return _plain(403, "this address is not served here")
        if request.headers.get("Origin", next(iter(own))) not in own:
            return _plain(403, "another site may not ask")
        if request.path.startswith("/open/"):
            return None
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            return _plain(403, "another site may not ask")
        if not self._door.admits(request.cookies.get(self._name, "")):
            return _plain(401, "press Enter where `lodestar dashboard --web` runs for a new link")
        return None

    async def _open(self, request: web.Request) -> web.Response:
        cookie = self._door.opened(request.match_info["word"])
        if cookie is None:
            return _plain(403, "this link was used already, or is too old; press Enter for another")
        response = web.Response(status=303, headers={"Location": self._door.place})
        response.set_cookie(
            self._name, cookie, httponly=True, samesite="Strict", path=self._door.place
        )
        return response

    async def _page(self, request: web.Request) -> web.Response:
        period = request.query.get("period", "month")
        if period not in PERIODS:
            return _plain(404, f"the period is one of {', '.join(PERIODS)}")
        async with self._making:
            try:
                text = await asyncio.to_thread(self._current, period)
            except LodestarError as error:
                return _plain(503, f"{error.what}: {error.why}")
        return web.Response(text=text, content_type="text/html")

    def _current(self, period: str) -> str:
        """The page, made anew where the ledger or the minute is another: browsers ask often."""
        state, last = _state(self._context.home), self._made.get(period)
        if last is None or last[0] != state:
            last = self._made[period] = (state, self._make(period))
        return last[1]

    def _make(self, period: str) -> str:
        zone = self._context.settings.timezone
        with source(self._context, Asked(period)) as found:
            made = page(found)
        return html(made, local_text(now_ms(), zone), zone, live=(period, PERIODS, EVERY_S))

    async def _live(self, _: web.Request) -> web.Response:
        return web.Response(text=_SCRIPT.read_text("utf-8"), content_type="text/javascript")


def _state(home: Home) -> State:
    """What changes with each commit, and with the clock that the page shows."""
    files = (home.database, home.database.with_name(f"{home.database.name}-wal"))
    seen = [file.stat() if file.exists() else None for file in files]
    found = ((one.st_ino, one.st_mtime_ns, one.st_size) if one else None for one in seen)
    return (now_ms() // 60_000, *found)


_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"{LIVE}; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def serve_page(open_browser: bool = True, port: int = 0) -> None:
    """Serve the page until Ctrl-C; says the address on stdout. Raises UsageError, LedgerError."""
    from lodestar.cli.opening import configuration

    context = configuration()
    with source(context, Asked("today")):
        # A ledger that cannot be used is said here, and not in a browser.
        pass
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(context, open_browser, port))


async def _serve(context: Context, open_browser: bool, port: int) -> None:
    from socket import socket

    listener = socket()
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"port {port} cannot be used", error.strerror or str(error), "leave --port out"
        ) from error
    port, door = listener.getsockname()[1], Door()
    # What clients do wrong is theirs: nothing of it belongs on this terminal.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    runner = web.AppRunner(Site(context, door, port).app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    try:
        _say(door, port, open_browser)
        if sys.stdin is not None and sys.stdin.isatty():
            note("Enter: a new link. Ctrl-C: end.")
            _on_enter(loop, lambda: _say(door, port, open_browser))
        await over.wait()
    finally:
        await runner.cleanup()


def _say(door: Door, port: int, open_browser: bool) -> None:
    url = f"http://127.0.0.1:{port}{door.link()}"
    print(url, flush=True)  # noqa: T201
    note(f"open it within {LINK_S / 60:.0f} minutes; it works once")
    if open_browser and sys.stdout.isatty():
        # Some browsers in a terminal would take it over until they end.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _on_enter(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    def read() -> None:
        if sys.stdin.readline():
            work()
        else:
            loop.remove_reader(sys.stdin)

    loop.add_reader(sys.stdin, read)


def _plain(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")
