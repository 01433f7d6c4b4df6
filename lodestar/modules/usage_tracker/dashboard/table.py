"""A sheet as a table whose rows can be opened."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from lodestar.modules.usage_tracker.dashboard.plain import texts
from lodestar.modules.usage_tracker.reports.printing import fitting
from lodestar.modules.usage_tracker.reports.sheet import Cell, Column, Sheet


class SheetTable(DataTable[Text]):
    """Draws as many columns as there is room for; the cursor stays on the row it was on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open", key_display="enter")
    ]

    def __init__(self) -> None:
        super().__init__(id="table", cursor_type="row", zebra_stripes=False, cell_padding=1)
        self._opens = False

    def draw(self, sheet: Sheet, keys: tuple[str, ...], width: int) -> list[str]:
        """Show it; returns the titles of the columns that are left out."""
        shown, left_out = fitting(sheet, width)
        self._opens = any(keys)
        self.refresh_bindings()
        at, before, scroll = self.opened(), self.cursor_row, self.scroll_offset.y
        self.clear(columns=True)
        rows = [_row(shown.columns, row) for row in shown.rows]
        if shown.totals and len(rows) > 1:
            rows.append(_row(shown.columns, shown.totals, "bold"))
        for place, column in enumerate(shown.columns):
            title = _text(column, column.title)
            # Told, because the table measures its cells only later.
            size = max(text.cell_len for text in (title, *(row[place] for row in rows)))
            self.add_column(title, width=size)
        for place, row in enumerate(rows):
            key = keys[place] if place < len(keys) and keys[place] else None
            self.add_row(*row, key=key)
        if keys and at in keys:
            before = keys.index(at)
        if self.row_count:
            self.move_cursor(row=min(before, self.row_count - 1), scroll=False)
            self.scroll_to(y=scroll, animate=False, force=True)
        return left_out

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is opened where no row has a key."""
        return self._opens if action == "select_cursor" else True

    def opened(self) -> str:
        """The key of the row with the cursor; "" where it opens nothing."""
        if not self.is_valid_coordinate(Coordinate(self.cursor_row, 0)):
            return ""
        key = self.coordinate_to_cell_key(Coordinate(self.cursor_row, 0)).row_key
        return key.value or ""


def _row(columns: tuple[Column, ...], row: tuple[Cell, ...], style: str = "") -> list[Text]:
    cells = zip(columns, texts(columns, row), strict=True)
    return [_text(column, cell, style) for column, cell in cells]


def _text(column: Column, cell: str, style: str = "") -> Text:
    # Never a plain string: those are markup to the table.
    return Text(cell, style=style, justify="left" if column.kind == "text" else "right")
