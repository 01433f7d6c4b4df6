"""The dashboard as an app, with Textual's own pilot at the keys."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Footer, Input, Static
from textual.widgets._footer import FooterKey

from lodestar.modules.usage_tracker.dashboard.app import Dashboard
from lodestar.modules.usage_tracker.dashboard.exchange_screen import ExchangeScreen
from lodestar.modules.usage_tracker.dashboard.reading import Reading
from lodestar.modules.usage_tracker.dashboard.table import SheetTable
from lodestar.modules.usage_tracker.dashboard.tabs import TABS
from lodestar.modules.usage_tracker.tests.budget_cli import ledger
from lodestar.modules.usage_tracker.tests.dashboard_ledger import (
    ANSWER,
    EVIL_SHOWN,
    an_exchange,
    used,
)
from lodestar.modules.usage_tracker.tests.dashboard_pilot import drawn, on_screen, seen
from lodestar.paths import Home
from lodestar.store.feedback import add_rating
from lodestar.store.store import Store
from tests.cli.conftest import home

__all__ = ["home", "ledger", "used"]


def test_each_tab_has_a_key_and_shows_its_figures(used: str) -> None:
    expected = {
        "now": ("Newest exchanges", EVIL_SHOWN, "client=[b]acme"),
        "budgets": ("no limit is set",),
        "models": ("67% of 9 calls were free", "claude-sonnet", "Total", "100%"),
        "projects": ("Project", EVIL_SHOWN),
        "trends": ("by day", "Cash bar", "="),
        "quality": ("free: 6 of 6 changes still stand (100%), too few to go by",),
    }

    async def steps(pilot: Pilot[int]) -> None:
        for number, tab in enumerate(TABS, 1):
            await pilot.press(str(number))
            await seen(pilot, *expected[tab])

    on_screen(steps)


def test_what_is_written_shows_up_by_itself(used: str, ledger: Store) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "today: 9 calls")
        exchange = an_exchange(ledger, used, paid=True)
        await seen(pilot, "today: 10 calls", "$0.20 cash")
        add_rating(ledger, used, exchange, "bad", "prompt")
        await pilot.press("6")
        await seen(pilot, "rated 0 good, 1 bad")

    on_screen(steps)


def test_nothing_is_read_again_where_nothing_changed(
    used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    looked: list[int] = []
    page, state = Reading.page, Reading.state
    monkeypatch.setattr(Reading, "page", lambda *a: (read.append(a[1]), page(*a))[1])
    monkeypatch.setattr(Reading, "state", lambda self: (looked.append(1), (state(self)[0], 0))[1])
    monkeypatch.setattr("lodestar.modules.usage_tracker.dashboard.watcher.EVERY_S", 0.01)

    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "today: 9 calls")
        await pilot.press("3")
        await seen(pilot, "Usage,", "100%")
        looked.clear()
        before = len(read)
        while len(looked) < 20:
            await pilot.pause()
        assert len(read) == before

    on_screen(steps)


def test_an_exchange_opens_with_its_prompt_answer_and_diff(used: str) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "Newest exchanges", "claude-sonnet")
        await pilot.press("enter")
        text = await seen(
            pilot, "asked    claude-sonnet, edit", "cost     $0.05", "+print('[blink]"
        )
        assert "first [link=x]one[/]" in text
        assert ANSWER in text
        await pilot.press("p")
        await seen(pilot, "please [red]rename[/red] it")
        await pilot.press("escape")
        await seen(pilot, "Newest exchanges")

    on_screen(steps)


def test_an_exchange_that_was_purged_says_so(used: str, ledger: Store) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "Newest exchanges", "claude-sonnet")
        pilot.app.push_screen(ExchangeScreen("01GONE"))
        app = pilot.app
        assert isinstance(app, Dashboard)
        app.watcher.open("01GONE")
        await seen(pilot, "this exchange is not in the log any more")

    on_screen(steps)


def test_a_filter_is_typed_and_taken_back(used: str) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "today: 9 calls")
        await pilot.press("slash", *"local")
        assert pilot.app.query_one(Input).value == "local"
        await pilot.press("enter")
        await seen(pilot, "filter: local", "today: 6 calls", "100% free")
        await pilot.press("escape")
        await seen(pilot, "today: 9 calls")

    on_screen(steps)


def test_a_filter_that_is_nothing_is_said_and_the_figures_stay(used: str) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "today: 9 calls")
        await pilot.press("slash", *"[b]q1", "enter")
        await seen(pilot, "`[b]q1`", "today: 9 calls")
        assert "filter:" not in drawn(pilot)

    on_screen(steps)


def test_enter_on_a_model_leaves_its_exchanges(used: str) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3")
        await seen(pilot, "67% of 9 calls were free", "Total")
        await pilot.press("enter")
        await seen(pilot, "filter: model=claude-sonnet", "today: 3 calls", "Newest exchanges")

    on_screen(steps)


def test_the_period_goes_round(used: str) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("4")
        await seen(pilot, "Lodestar | week", "Usage,")
        for period in ("month", "year", "all", "today", "week"):
            await pilot.press("p")
            await seen(pilot, f"Lodestar | {period}", EVIL_SHOWN)

    on_screen(steps)


@pytest.mark.parametrize("columns", [40, 200])
def test_it_fits_from_40_columns_to_200(used: str, columns: int) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3")
        text = await seen(pilot, "claude-sonnet", "Cash", "Total")
        assert ("no room for" in text) == (columns < 100)
        await pilot.press("1")
        await seen(pilot, "Newest exchanges", "claude-sonnet", "$0.05")
        keys = pilot.app.query_one(Footer).query(FooterKey)
        assert {"q", "?", "1-6", "p", "/", "enter"} <= {key.key_display for key in keys}

    on_screen(steps, (columns, 24))


def test_another_size_of_the_window_draws_other_columns(used: str) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await pilot.press("3")
        await seen(pilot, "Avoided", "Cached", "Bad")
        await pilot.resize_terminal(50, 20)
        assert "Cached" not in (await seen(pilot, "no room for", "Cash")).split("no room")[0]
        await pilot.resize_terminal(120, 30)
        await seen(pilot, "Cached", "Bad")

    on_screen(steps)


def test_the_cursor_stays_on_its_exchange_when_a_newer_one_comes(used: str, ledger: Store) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "today: 9 calls")
        table = pilot.app.query_one(SheetTable)
        await pilot.press("down", "down")
        here = table.opened()
        assert here
        an_exchange(ledger, used)
        await seen(pilot, "today: 10 calls")
        assert (table.cursor_row, table.opened()) == (3, here)

    on_screen(steps)


def test_q_and_ctrl_c_leave_with_0_wherever_one_is(used: str) -> None:
    for keys in (("q",), ("slash", "a", "ctrl+c")):

        async def steps(pilot: Pilot[int], keys: tuple[str, ...] = keys) -> None:
            await seen(pilot, "Newest exchanges")
            await pilot.press(*keys)

        assert on_screen(steps).return_value == 0


def test_help_says_what_the_keys_do(home: Home, ledger: Store) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "Newest exchanges")
        await pilot.press("question_mark")
        await seen(pilot, "leave (also Ctrl-C)")
        assert isinstance(pilot.app.screen.query(Static).first(), Static)
        await pilot.press("escape")
        await seen(pilot, "Newest exchanges")

    on_screen(steps)
