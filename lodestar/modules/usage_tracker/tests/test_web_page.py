"""`lodestar dashboard --web`: for who opened the link, from this machine, and up to date."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from lodestar.cli.opening import configuration
from lodestar.clock import now_ms
from lodestar.modules.usage_tracker.reports import web
from lodestar.modules.usage_tracker.tests.budget_cli import ledger, spent
from lodestar.store.store import Store
from tests.cli.conftest import home
from tests.fakes.browser import Browser, needs_chromium
from tests.fakes.shim_client import wait_for

__all__ = ["home", "ledger"]
PROGRAM = "from lodestar.modules.usage_tracker.reports.web import serve_page; serve_page(False{})"


class Page:
    """A running page."""

    def __init__(self, more: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(more)],
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.place = "/"
        self.link = self.process.stdout.readline().strip()

    @property
    def port(self) -> int:
        return int(urlsplit(self.link).port or 0)

    def get(self, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def head(self, path: str) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request("HEAD", path)
            return connection.getresponse().status

    def enter(self) -> str:
        """Open the link; returns the cookie."""
        status, headers, _ = self.get(urlsplit(self.link).path)
        assert status == 303
        self.place = headers["Location"]
        cookie = headers["Set-Cookie"]
        # Another server on this host is sent the cookie only where it is asked for this path.
        assert f"Path={self.place}" in cookie
        assert len(self.place) > 20
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        return cookie.split(";")[0]

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(20)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream
            stream.close()
        return code


@pytest.fixture
def served(ledger: Store) -> Iterator[Page]:
    spent(ledger)
    page = Page()
    yield page
    if page.process.poll() is None:
        assert page.end() == 0


def test_a_link_lets_in_who_opens_it_first_and_nobody_else(served: Page) -> None:
    assert served.link.startswith("http://127.0.0.1:")
    assert served.get("/")[0] == 401
    assert served.head(urlsplit(served.link).path) == 405
    cookie = served.enter()
    assert served.get(urlsplit(served.link).path)[0] == 403
    assert served.get("/open/guess")[0] == 403
    assert served.get(served.place, Cookie="lodestar_1=guess")[0] == 401
    name = cookie.split("=")[0]
    for odd in ("", "\xff\xfe", "é"):
        assert served.get(served.place, Cookie=f"{name}={odd}")[0] == 401
    status, headers, text = served.get(served.place, Cookie=cookie)
    assert status == 200
    assert "$0.01 were billed for 1 paid calls." in text or "1 paid call" in text
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert served.link not in text


def test_another_site_gets_nothing_not_even_with_the_cookie(served: Page) -> None:
    cookie = served.enter()
    for headers in FOREIGN:
        status, answered, text = served.get(served.place, Cookie=cookie, **headers)
        assert status == 403, headers
        assert "Lodestar: what" not in text
        assert answered["X-Frame-Options"] == "DENY"


FOREIGN = (
    {"Host": "evil.example"},
    {"Host": "127.0.0.1:1"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


def test_nothing_else_is_served(served: Page) -> None:
    cookie = served.enter()
    for path in (
        "/usage.db",
        "/../usage.db",
        "/%2e%2e/config.yaml",
        "/static",
        "/live.js.map",
        "/",
        "/live.js",
    ):
        assert served.get(path, Cookie=cookie)[0] == 404
    assert served.get(f"{served.place}?period=<script>", Cookie=cookie)[::2] == (
        404,
        "the period is one of today, week, month, year, all\n",
    )
    for period in web.PERIODS:
        assert served.get(f"{served.place}?period={period}", Cookie=cookie)[0] == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(served: Page, number: int) -> None:
    assert served.end(number) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", served.port), 1)


def test_a_port_that_is_taken_is_said(ledger: Store) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        page = Page(f", {taken.getsockname()[1]}")
        assert page.process.wait(20) == 1
        assert page.process.stderr
        assert "cannot be used" in page.process.stderr.read()
        page.process.stderr.close()
        assert page.process.stdout
        page.process.stdout.close()


def test_an_old_link_is_worth_nothing(mocker: Any) -> None:
    clock = mocker.patch.object(web.time, "monotonic", return_value=100.0)
    door = web.Door()
    word = door.link().rsplit("/", 1)[1]
    clock.return_value += web.LINK_S
    assert door.opened(word) is None
    word = door.link().rsplit("/", 1)[1]
    cookie = door.opened(word)
    assert cookie is not None
    assert door.admits(cookie)
    assert not door.admits(cookie + "x")
    assert door.opened(word) is None


def test_a_page_is_made_anew_only_where_something_is_new(ledger: Store, mocker: Any) -> None:
    minute = now_ms()
    clock = mocker.patch.object(web, "now_ms", return_value=minute)
    site = web.Site(configuration(), web.Door(), 1)
    made = mocker.spy(site, "_make")

    def makes(period: str = "month") -> int:
        made.reset_mock()
        site._current(period)
        return int(made.call_count)

    # The first look may bring the log of the writes before it into the file.
    first = [site._current("month") for _ in range(2)][1]
    assert [makes(), makes()] == [0, 0]
    spent(ledger)
    assert makes() == 1
    assert site._current("month") != first
    assert makes() == 0
    clock.return_value = minute + 60_000
    assert [makes(), makes(), makes("week"), makes("week")] == [1, 0, 1, 0]


@needs_chromium
def test_a_real_browser_shows_new_money_without_being_asked(served: Page, ledger: Store) -> None:
    with Browser() as browser:
        browser.open(served.link)
        assert browser.js("location.pathname.length") > 20
        assert browser.js("document.cookie") == ""
        figure = "document.querySelector('#figures b').textContent"
        assert browser.js(figure) == "$0.01"
        spent(ledger)
        wait_for(lambda: browser.js(figure) == "$0.03", 30)
        # Who reads is left alone: while it is paused nothing moves.
        browser.js("document.getElementById('pause').click()")
        spent(ledger)
        browser.js(f"new Promise(done => setTimeout(done, {web.EVERY_S * 1500}))")
        assert browser.js(figure) == "$0.03"
        browser.js("document.getElementById('pause').click()")
        wait_for(lambda: browser.js(figure) == "$0.04", 30)
        own = f"http://127.0.0.1:{served.port}/"
        assert all(url.startswith(own) for url in browser.requests)
        assert [p for p in browser.problems if "favicon" not in p] == []
        # And once the program is gone the page says so.
        served.end()
        wait_for(lambda: "Not up to date" in browser.js("said.textContent"), 30)
