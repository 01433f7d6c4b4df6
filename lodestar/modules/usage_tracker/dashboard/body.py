"""A tab's page as widgets: its lines above, its table below."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from lodestar.modules.usage_tracker.dashboard.page import Level, Line, Page, in_one
from lodestar.modules.usage_tracker.dashboard.table import SheetTable
from lodestar.terminal import one_line

STYLES: dict[Level, str] = {"ok": "", "warn": "bold yellow", "fail": "bold red", "off": "dim"}
"""What they say stands in the words as well."""


class Body(Vertical):
    """Shows one page, and the same again where the terminal got another size."""

    DEFAULT_CSS = """
    Body { height: 1fr; padding: 0 1; }
    Body #lines { height: auto; max-height: 50%; }
    Body.alone #lines { height: 1fr; max-height: 100%; }
    Body #caption { height: auto; margin-top: 1; text-style: bold; }
    Body #table { height: auto; max-height: 1fr; min-height: 3; }
    Body #notes { height: auto; max-height: 6; color: $text-muted; }
    Body.alone #caption, Body.alone #notes { display: none; }
    """

    def __init__(self) -> None:
        super().__init__(id="body")
        self._page: Page | None = None

    def compose(self) -> ComposeResult:
        """Lines, caption, table and notes."""
        with VerticalScroll(id="lines"):
            yield Static("reading ...", id="text", markup=False)
        yield Static("", id="caption", markup=False)
        yield SheetTable()
        yield Static("", id="notes", markup=False)

    def on_resize(self) -> None:
        """Other columns may fit now."""
        if self._page is not None:
            self.show(self._page)

    def show(self, page: Page) -> None:
        """Draw a page."""
        other = self._page is None or self._page.title != page.title
        self._page = page
        self.query_one("#text", Static).update(_lines(page.lines))
        sheet, table = page.sheet, self.query_one(SheetTable)
        self.set_class(sheet is None, "alone")
        table.display = sheet is not None and bool(sheet.rows)
        if sheet is not None:
            left_out = table.draw(sheet, page.keys, self.size.width - 2)
            empty = "" if sheet.rows else f": {page.empty}"
            self.query_one("#caption", Static).update(Text(one_line(sheet.title + empty)))
            self.query_one("#notes", Static).update(Text("\n".join(_notes(page, left_out))))
        if other:
            table.move_cursor(row=0)
            self.turn_to()

    def scroll_lines(self, step: int) -> None:
        """Move the lines above the table, where there is no room for all of them."""
        lines = self.query_one("#lines", VerticalScroll)
        lines.scroll_relative(y=step, animate=False)

    def turn_to(self) -> None:
        """Let the arrow keys move what there is to move."""
        table = self.query_one(SheetTable)
        (table if table.display else self.query_one("#lines", VerticalScroll)).focus()


def _notes(page: Page, left_out: list[str]) -> list[str]:
    said = [one_line(note) for note in (page.sheet.notes if page.sheet else ())]
    return said + ([f"no room for {', '.join(left_out)}"] if left_out else [])


def _lines(lines: tuple[Line, ...]) -> Text:
    text = Text()
    for number, line in enumerate(lines):
        start = "\n" if number else ""
        text.append(f"{start}{in_one(line.text)}", style=STYLES[line.level])
    return text
