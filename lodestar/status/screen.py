"""The status as text: plain, or with colours where the terminal has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lodestar.status.part import Level, Seen
from lodestar.terminal import one_line

MARKS: dict[Level, str] = {"ok": " ", "warn": "!", "fail": "x", "off": " "}
_COLOURS: dict[Level, str] = {"ok": "", "warn": "\x1b[33m", "fail": "\x1b[31m", "off": "\x1b[2m"}
_RESET = "\x1b[0m"
NAME = 10


def lines(
    parts: Sequence[tuple[str, Seen]], width: int | None = None, colours: bool = False
) -> Iterator[str]:
    """One line each, cut to the width: a name, a mark where something is amiss, the text."""
    for name, seen in parts:
        for number, line in enumerate(seen.lines):
            shown = one_line(name, NAME - 1) if number == 0 else ""
            text = f"{shown:<{NAME}}{MARKS[line.level]} {one_line(line.text)}"
            if width is not None and len(text) > width:
                text = text[: max(0, width - 1)] + "…"
            colour = _COLOURS[line.level] if colours else ""
            yield f"{colour}{text}{_RESET}" if colour else text


def data(parts: Sequence[tuple[str, Seen]]) -> dict[str, Any]:
    """By part, what programs read; each with its worst level."""
    return {
        name: {"level": _level(seen), "lines": [line.text for line in seen.lines],
               "data": seen.data}
        for name, seen in parts
    }  # fmt: skip


def has_colours(environ: Mapping[str, str], terminal: bool) -> bool:
    """Whether colours may be used."""
    return terminal and not environ.get("NO_COLOR") and not is_dumb(environ)


def is_dumb(environ: Mapping[str, str]) -> bool:
    """Whether the terminal knows no control sequences."""
    return environ.get("TERM", "dumb") in ("dumb", "unknown", "")


def _level(seen: Seen) -> Level:
    order: tuple[Level, ...] = ("fail", "warn", "ok")
    return next((one for one in order if any(one == li.level for li in seen.lines)), "off")
