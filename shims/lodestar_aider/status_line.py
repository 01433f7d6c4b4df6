"""The status as one line that fits the terminal, whatever its width."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from lodestar_aider.title import printable

BETWEEN, CUT = " | ", "..."
COLOURS = {"FREE": "ansigreen", "PAID": "ansiyellow", "CLOSED": "ansired", "UNKNOWN": "ansired"}
"""By the first word. The bar is shown in reverse, so this is what is behind it."""
Fragments = list[tuple[str, str]]


def fitted(parts: Sequence[str], columns: int) -> str:
    """As many of the parts as fit, from the left; the first one is cut where not even it does."""
    shown = [text for part in parts if (text := printable(part))]
    line = ""
    for part in shown:
        longer = f"{line}{BETWEEN}{part}" if line else part
        if width(longer) > columns:
            break
        line = longer
    return line or (_cut(shown[0], columns) if shown else "")


def bar(parts: Sequence[str], columns: int, pretty: bool) -> Fragments:
    """The line for Aider's prompt, in the colour of its first word."""
    # Where there is no column to spare, the margins go first.
    margin = " " if columns > len(CUT) + 2 else ""
    text = fitted(parts, columns - 2 * len(margin))
    word = text.partition(" ")[0]
    colour = f"fg:{COLOURS[word]}" if pretty and word in COLOURS else ""
    first = f"{colour} bold" if colour else ""
    # To the edge, or the rest of the line has another colour.
    rest = " " * (columns - width(text) - len(margin)) if colour else margin
    return [(first, f"{margin}{word}"), (colour, f"{text.removeprefix(word)}{rest}")]


def width(text: str) -> int:
    """The columns that a terminal takes for it."""
    return sum(map(_columns, text))


def _columns(mark: str) -> int:
    if unicodedata.category(mark) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(mark) in "WF" else 1


def _cut(text: str, columns: int) -> str:
    if width(text) <= columns:
        return text
    dots = CUT if columns > 2 * len(CUT) else ""
    kept, room = "", columns - len(dots)
    for mark in text:
        room -= _columns(mark)
        if room < 0:
            break
        kept += mark
    return kept + dots
