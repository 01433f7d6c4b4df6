"""The dashboard as an app on the terminal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, Static, Tab, Tabs

from lodestar.errors import UsageError
from lodestar.loading import Context
from lodestar.modules.usage_tracker.dashboard.body import Body
from lodestar.modules.usage_tracker.dashboard.exchange_screen import ExchangeScreen
from lodestar.modules.usage_tracker.dashboard.help_screen import HelpScreen
from lodestar.modules.usage_tracker.dashboard.reading import Reading
from lodestar.modules.usage_tracker.dashboard.tabs import PERIODS, TABS
from lodestar.modules.usage_tracker.dashboard.view import Asked
from lodestar.modules.usage_tracker.dashboard.watcher import (
    Failed,
    News,
    Opened,
    Shown,
    Watcher,
)
from lodestar.terminal import one_line


class Told(Message):
    """News of the watcher, brought to the app's own thread."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news


class Dashboard(App[int]):
    """Six tabs over one ledger. Its result is an exit code."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head { height: 1; padding: 0 1; }
    #trouble { height: auto; padding: 0 1; display: none; text-style: bold; color: $text-warning; }
    #filter { display: none; height: 1; border: none; padding: 0 1; }
    .said #trouble { display: block; }
    .filtering #filter { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave", "Leave"),
        Binding("question_mark", "help", "Help", key_display="?"),
        *(
            Binding(str(n), f"turn('{tab}')", "Tab", key_display="1-6", show=n == 1)
            for n, tab in enumerate(TABS, 1)
        ),
        Binding("p", "period", "Period"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("r", "again", "Again", show=False),
        Binding("tab", "next(1)", show=False, priority=True),
        Binding("shift+tab", "next(-1)", show=False, priority=True),
        Binding("escape", "up", "Back", key_display="esc"),
        Binding("shift+down", "lines(1)", show=False),
        Binding("shift+up", "lines(-1)", show=False),
        Binding("ctrl+c", "leave", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False),
    ]

    def __init__(self, reading: Reading, tab: str = "now", asked: Asked | None = None) -> None:
        super().__init__()
        self._tab = tab
        self._began = False
        self._asked = asked or Asked()
        self._shown = replace(self._asked, filter="")
        """What was shown last: a filter that is none goes back to it."""
        self.watcher = Watcher(reading, lambda news: self.post_message(Told(news)))

    def compose(self) -> ComposeResult:
        """Head, tabs, page, keys."""
        yield Static("", id="head", markup=False)
        names = [f"{number} {name.capitalize()}" for number, name in enumerate(TABS, 1)]
        tabs = Tabs(
            *(Tab(name, id=tab) for name, tab in zip(names, TABS, strict=True)), active=self._tab
        )
        tabs.can_focus = False
        yield tabs
        yield Body()
        yield Static("", id="trouble", markup=False)
        yield Input(placeholder="part of a project, model, branch or tag", id="filter")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to look."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            # Not where the app is run in a thread, which gets no signals.
            with suppress(NotImplementedError, RuntimeError, ValueError):
                asyncio.get_running_loop().add_signal_handler(number, self._ended(number))
        self.watcher.start()
        self._want()

    def on_unmount(self) -> None:
        """Look no more."""
        self.watcher.end()

    def on_told(self, message: Told) -> None:
        """Show what is still wanted."""
        news = message.news
        if isinstance(news, Opened):
            if isinstance(self.screen, ExchangeScreen) and self.screen.exchange == news.id:
                self.screen.show(news.told, news.diff)
        elif (news.tab, news.asked) != (self._tab, self._asked):
            return
        elif isinstance(news, Shown):
            self._shown = news.asked
            self._say("")
            self._main.query_one(Body).show(news.page)
            self._head()
        else:
            self._failed(news)

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        """A click. The first one is the widget's own word, which may come after a key."""
        first, self._began = not self._began, True
        name = event.tab.id or ""
        if first and name != self._tab:
            event.tabs.active = self._tab
        elif name in TABS and name != self._tab:
            self.action_turn(name)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Open an exchange, or filter by a model or a project."""
        key = event.row_key.value or ""
        if not key:
            return
        if self._tab == "now":
            self.push_screen(ExchangeScreen(key))
            self.watcher.open(key)
        else:
            self._asked = replace(self._asked, filter=key)
            self.action_turn("now")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The filter was typed."""
        self._asked = replace(self._asked, filter=event.value.strip())
        self._close_filter()
        self._want()

    def action_turn(self, tab: str) -> None:
        """Show a tab."""
        if tab != self._tab:
            self._tab = tab
            self._want()
        self._main.query_one(Tabs).active = tab

    def action_next(self, step: int) -> None:
        """Show the tab beside this one."""
        names = list(TABS)
        self.action_turn(names[(names.index(self._tab) + step) % len(names)])

    def action_period(self) -> None:
        """The next period."""
        place = PERIODS.index(self._asked.period) + 1
        self._asked = replace(self._asked, period=PERIODS[place % len(PERIODS)])
        self._want()

    def action_filter(self) -> None:
        """Ask for a filter."""
        field = self._main.query_one(Input)
        field.value = self._asked.filter
        self._main.add_class("filtering")
        field.focus()
        self.refresh_bindings()

    def action_lines(self, step: int) -> None:
        """Scroll the lines above the table."""
        self._main.query_one(Body).scroll_lines(step)

    def action_again(self) -> None:
        """Read at once."""
        self.watcher.again()

    def action_help(self) -> None:
        """What the keys do."""
        self.push_screen(HelpScreen())

    def action_up(self) -> None:
        """Leave a screen, the filter's line, or the filter."""
        if self.screen is not self._main:
            self.pop_screen()
        elif self._main.has_class("filtering"):
            self._close_filter()
        elif self._asked.filter:
            self._asked = replace(self._asked, filter="")
            self._want()

    def action_leave(self) -> None:
        """The end; the terminal is as it was."""
        self.exit(0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What belongs to the tabs has no meaning on another screen, nor while one types."""
        here = self.screen is self._main
        typing = here and self._main.has_class("filtering")
        if action in ("turn", "next", "period", "filter", "again", "lines"):
            return here and not typing
        if action == "up":
            return not here or typing or bool(self._asked.filter)
        return not isinstance(self.screen, HelpScreen) if action == "help" else True

    @property
    def _main(self) -> Screen[object]:
        return self.screen_stack[0]

    def _want(self) -> None:
        self._head()
        self.watcher.want(self._tab, self._asked)

    def _head(self) -> None:
        self.refresh_bindings()
        words = [f"Lodestar | {self._asked.period}"]
        if self._asked.filter:
            words.append(f"filter: {self._asked.filter}")
        self._main.query_one("#head", Static).update(Text(one_line(" | ".join(words))))

    def _failed(self, news: Failed) -> None:
        error = news.error
        if isinstance(error, UsageError):
            why = ". ".join(part for part in (error.what, error.why, error.do) if part)
            self.notify(one_line(why), severity="warning", timeout=10, markup=False)
            self._asked = self._shown
            self._want()
            return
        parts = [error.what, error.why, f"do: {error.do}" if error.do else "", "trying again ..."]
        self._say("\n".join(one_line(part) for part in parts if part))

    def _say(self, text: str) -> None:
        self._main.query_one("#trouble", Static).update(Text(text))
        self._main.set_class(bool(text), "said")

    def _close_filter(self) -> None:
        self._main.remove_class("filtering")
        self._main.query_one(Body).turn_to()
        self.refresh_bindings()

    def _ended(self, number: int) -> Callable[[], None]:
        return lambda: self.exit(128 + number)


def run(context: Context, tab: str, asked: Asked) -> int:
    """Show it until the user leaves; returns the exit code."""
    app = Dashboard(Reading(context), tab, asked)
    result = app.run()
    return result if result is not None else app.return_code or 0
