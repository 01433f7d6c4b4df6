"""A sheet on paper: a table, tab-separated lines, CSV, Markdown or JSON, with the same figures."""

from __future__ import annotations

import csv
import io
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Literal

from lodestar.cli.output import note, print_json, print_table
from lodestar.modules.usage_tracker.reports.sheet import Cell, Column, Sheet, exact
from lodestar.modules.usage_tracker.reports.words import cell_text
from lodestar.terminal import one_line, printable

Format = Literal["table", "tsv", "csv", "md", "json"]
GAP = 2
# A spreadsheet takes a cell that begins so for a formula, also where a branch is called so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def show(sheet: Sheet, format: Format) -> None:
    """Print the data to stdout, and what is to be known besides to stderr.

    A table becomes tab-separated lines where stdout is no terminal.
    """
    if format == "json":
        totals = sheet.plain(sheet.totals) if sheet.totals else None
        data = [sheet.plain(row) for row in sheet.rows]
        facts = {**sheet.facts, "totals": totals, "warnings": list(sheet.notes)}
        print_json(sheet.name, data, **facts)
        return
    if format == "csv":
        print(csv_text(sheet), end="")  # noqa: T201
    elif format == "md":
        print(markdown(sheet))  # noqa: T201
    elif format == "tsv" or not sys.stdout.isatty():
        # As exact as CSV, and without totals: it is for programs.
        names = [column.name for column in sheet.columns]
        print_table(names, [list(sheet.plain(row).values()) for row in sheet.rows])
    else:
        _table(sheet)
    for line in sheet.notes:
        note(line)


def csv_text(sheet: Sheet) -> str:
    """The rows with a header, exact; cells that a spreadsheet would compute are quoted for it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in sheet.columns])
    for row in sheet.rows:
        writer.writerow([_safe(column, cell) for column, cell in _pairs(sheet, row)])
    return out.getvalue()


def markdown(sheet: Sheet) -> str:
    """A Markdown table with its totals in bold; figures as on a screen, money exact."""
    lines = [
        _md_row([column.title for column in sheet.columns]),
        _md_row(["---" if column.kind == "text" else "--:" for column in sheet.columns]),
    ]
    lines += [_md_row([_md_cell(c, cell) for c, cell in _pairs(sheet, row)]) for row in sheet.rows]
    if sheet.totals:
        cells = [_md_cell(column, cell) for column, cell in _pairs(sheet, sheet.totals)]
        lines.append(_md_row([f"**{cell}**" if cell else "" for cell in cells]))
    return "\n".join(lines)


def fitting(sheet: Sheet, width: int) -> tuple[Sheet, list[str]]:
    """The sheet without the columns that a screen has no room for, and their titles."""
    left_out: list[Column] = []
    columns = list(sheet.columns)
    while _width(sheet.only([c.name for c in columns])) > width:
        spare = [column for column in columns if column.rank]
        if not spare:
            break
        last = max(spare, key=lambda column: column.rank)
        columns.remove(last)
        left_out.append(last)
    return sheet.only([c.name for c in columns]), [column.title for column in left_out]


def _table(sheet: Sheet) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = shutil.get_terminal_size().columns
    shown, left_out = fitting(sheet, width)
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=bool(shown.totals))
    last = [cell_text(c.kind, x) for c, x in _pairs(shown, shown.totals)] if shown.totals else []
    for place, column in enumerate(shown.columns):
        side: Literal["left", "right"] = "left" if column.kind == "text" else "right"
        footer = Text(one_line(last[place])) if last else ""
        table.add_column(
            column.title, footer=footer, justify=side, overflow="fold", footer_style="bold"
        )
    for row in shown.rows:
        table.add_row(*(Text(one_line(cell_text(c.kind, x))) for c, x in _pairs(shown, row)))
    print(printable(sheet.title))  # noqa: T201
    Console(width=width, no_color="NO_COLOR" in os.environ).print(table)
    if left_out:
        note(f"no room for {', '.join(left_out)}: use a wider terminal, --fields, or --csv")


def _width(sheet: Sheet) -> int:
    texts = [
        [len(one_line(cell_text(c.kind, x))) for c, x in _pairs(sheet, row)]
        for row in (*sheet.rows, *([sheet.totals] if sheet.totals else []))
    ]
    titles = [len(column.title) for column in sheet.columns]
    widths = [max(column) for column in zip(titles, *texts, strict=True)]
    return int(sum(widths)) + GAP * (len(widths) - 1)


def _pairs(sheet: Sheet, row: Sequence[Cell]) -> list[tuple[Column, Cell]]:
    return list(zip(sheet.columns, row, strict=True))


def _safe(column: Column, cell: Cell) -> str:
    value = exact(column.kind, cell)
    text = "" if value is None else str(value)
    return f"'{text}" if column.kind == "text" and text.startswith(_FORMULA) else text


def _md_cell(column: Column, cell: Cell) -> str:
    if column.kind == "usd" and isinstance(cell, int):
        return f"${exact('usd', cell)}".replace("$-", "-$")
    return "" if cell is None else one_line(cell_text(column.kind, cell))


def _md_row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
