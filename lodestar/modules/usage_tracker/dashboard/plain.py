"""A page as plain text, for scripts and for terminals that know no control sequences."""

from __future__ import annotations

from collections.abc import Iterator

from lodestar.modules.usage_tracker.dashboard.page import Page, in_one
from lodestar.modules.usage_tracker.reports.printing import fitting
from lodestar.modules.usage_tracker.reports.sheet import Cell, Column, Sheet
from lodestar.modules.usage_tracker.reports.words import cell_text
from lodestar.terminal import one_line

GAP = "  "
WIDE = 10_000


def lines(page: Page, width: int | None) -> Iterator[str]:
    """The page, line by line; `width` None is as wide as need be."""
    yield page.title
    yield ""
    for line in page.lines:
        yield from _wrapped(line.text, width)
    if page.sheet is not None:
        yield ""
        yield from table(page.sheet, page.empty, width)


def table(sheet: Sheet, empty: str, width: int | None) -> Iterator[str]:
    """The table with its totals, and what is to be known besides."""
    yield from _wrapped(sheet.title, width)
    if not sheet.rows:
        yield from _wrapped(empty, width)
        return
    shown, left_out = fitting(sheet, width or WIDE)
    rows = [[column.title for column in shown.columns]]
    rows += [texts(shown.columns, row) for row in shown.rows]
    rows += [texts(shown.columns, shown.totals)] if shown.totals else []
    widths = [max(map(_cells, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        pairs = zip(shown.columns, row, widths, strict=True)
        yield GAP.join(_padded(column, cell, size) for column, cell, size in pairs).rstrip()
    for note in shown.notes:
        yield from _wrapped(f"note: {note}", width)
    if left_out:
        yield from _wrapped(f"no room for {', '.join(left_out)}", width)


def texts(columns: tuple[Column, ...], row: tuple[Cell, ...]) -> list[str]:
    """A row as people read it."""
    return [
        one_line(cell_text(column.kind, cell)) for column, cell in zip(columns, row, strict=True)
    ]


def _wrapped(text: str, width: int | None) -> Iterator[str]:
    """A line in as many as it takes."""
    from rich.console import Console
    from rich.text import Text

    size = width or WIDE
    parts = Text(in_one(text)).wrap(Console(width=size), size)
    yield from [part.plain.rstrip() for part in parts] or [""]


def _padded(column: Column, text: str, width: int) -> str:
    blank = " " * (width - _cells(text))
    return text + blank if column.kind == "text" else blank + text


def _cells(text: str) -> int:
    """How many places of a terminal a text takes."""
    from rich.cells import cell_len

    return cell_len(text)
