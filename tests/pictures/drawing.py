"""A window as an SVG: one file, no fonts or scripts from elsewhere."""

from __future__ import annotations

import hashlib
import html
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import pyte
from pyte.screens import Char
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px "Fira Code", "DejaVu Sans Mono", \
monospace; }}
.{unique_id}-title {{ font: bold 18px sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
TEXT = re.compile(
    r'<text class="([^"]+)" x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+"'
    r' clip-path="([^"]+)">(.*?)</text>',
    re.S,
)
PIECE = re.compile("[^\xa0]+(?:\xa0[^\xa0]+)*")
CELL = 12.2
HEX = re.compile(r"[0-9a-f]{6}")
COLOURS = {"brown": "yellow", "default": "default"}


@dataclass(frozen=True)
class Shot:
    """A window at one moment."""

    name: str
    title: str
    rows: Sequence[Sequence[Char]]

    @property
    def text(self) -> str:
        """Its words."""
        return "\n".join("".join(cell.data for cell in row).rstrip() for row in self.rows)


def taken(name: str, title: str, window: pyte.Screen, whole: bool = True) -> Shot:
    """The window now; where it is not wanted whole, without the empty rows at its end."""
    rows = [[window.buffer[y][x] for x in range(window.columns)] for y in range(window.lines)]
    cursor = window.cursor
    if not cursor.hidden and whole:
        cell = rows[cursor.y][min(cursor.x, window.columns - 1)]
        rows[cursor.y][min(cursor.x, window.columns - 1)] = cell._replace(reverse=True)
    last = max((y for y, row in enumerate(rows) if any(c.data.strip() for c in row)), default=0)
    return Shot(name, title, rows if whole else rows[: last + 1])


def drawn(shot: Shot, masked: Callable[[str], str]) -> str:
    """The picture; `masked` hides what differs each time and keeps the length of a line."""
    console = Console(
        record=True,
        file=io.StringIO(),
        width=len(shot.rows[0]),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    for row in shot.rows:
        console.print(_line(row, masked), no_wrap=True, crop=False, soft_wrap=True)
    picture = console.export_svg(
        title=shot.title,
        theme=SVG_EXPORT_THEME,
        code_format=FORMAT,
        unique_id=f"p{hashlib.sha256(shot.name.encode()).hexdigest()[:6]}",
    )
    return "\n".join(filter(str.strip, TEXT.sub(_bare, picture).splitlines())) + "\n"


def _bare(found: re.Match[str]) -> str:
    """A text as pieces without wide gaps: not every viewer keeps spaces as wide as letters."""
    name, x, y, clip, words = found.groups()
    texts = []
    for piece in PIECE.finditer(html.unescape(words.strip("\n"))):
        left, wide = float(x) + piece.start() * CELL, len(piece[0]) * CELL
        place = f'x="{left:.1f}" y="{y}" textLength="{wide:.1f}" clip-path="{clip}"'
        texts.append(f'<text class="{name}" {place}>{html.escape(piece[0])}</text>\n')
    return "".join(texts)


def _line(row: Sequence[Char], masked: Callable[[str], str]) -> Text:
    shown = [cell for cell in row if cell.data]
    words = masked("".join(cell.data for cell in shown))
    line = Text()
    pairs = zip(words, map(_style, shown), strict=True)
    for style, run in groupby(pairs, key=lambda pair: pair[1]):
        line.append("".join(mark for mark, _ in run), style)
    return line


@cache
def _style_of(cell: Char) -> Style:
    return Style(
        color=_colour(cell.fg),
        bgcolor=_colour(cell.bg),
        bold=cell.bold,
        italic=cell.italics,
        underline=cell.underscore,
        reverse=cell.reverse,
    )


def _style(cell: Char) -> Style:
    return _style_of(cell._replace(data=" "))


def _colour(name: str) -> str:
    if HEX.fullmatch(name):
        return f"#{name}"
    bright = name.startswith("bright")
    base = name.removeprefix("bright")
    base = COLOURS.get(base, base)
    return f"bright_{base}" if bright else base
