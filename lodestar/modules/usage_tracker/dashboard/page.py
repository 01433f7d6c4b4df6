"""What a tab shows, the same whether it is drawn by the app or printed."""

from __future__ import annotations

from dataclasses import dataclass

from lodestar.modules.usage_tracker.reports.sheet import Sheet
from lodestar.status.part import Level, Line
from lodestar.terminal import printable

__all__ = ["Level", "Line", "Page", "in_one"]


@dataclass(frozen=True)
class Page:
    """Lines, and one table below them, or none.

    `keys` name the rows of the table for whoever opens one: an exchange's id, or the words of a
    filter; "" opens nothing. `empty` is said in the place of a table without rows.
    """

    title: str
    lines: tuple[Line, ...]
    sheet: Sheet | None = None
    keys: tuple[str, ...] = ()
    empty: str = "nothing yet"


def in_one(text: str) -> str:
    """A line that steers no terminal, with its spaces as they are: bars are drawn with them."""
    return printable(text).replace("\n", " ").replace("\t", " ")
