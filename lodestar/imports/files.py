"""Which reader a file needs, and what it says: from the file to what the log can take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path

from lodestar.errors import UsageError
from lodestar.imports import aider_chat, aider_log, aider_rows, exported
from lodestar.imports.aider_rows import Place
from lodestar.imports.bundle import Item
from lodestar.imports.exported import Target
from lodestar.imports.lines import Line, Reading, lines_of, opened
from lodestar.store.export import SCHEMA

LONGEST = 1 << 20
"""Bytes of a line of Aider's; of a longer one the beginning is read."""
_LOOKED_AT = 50
_SHOWN = 2000
_MERGE = "lodestar data merge takes an export of Lodestar's"


@dataclass(frozen=True)
class Reader:
    """One file with its format. `items` reads it from its beginning."""

    format: str
    path: Path
    items: Callable[[Reading], Iterator[Item]]


def of_aider(path: Path, place: Place, zone: tzinfo | None, now_ms: int) -> Reader:
    """A file that Aider wrote. Raises UsageError where it is none."""
    kind = _format(path)

    def items(reading: Reading) -> Iterator[Item]:
        with opened(path) as stream:
            lines = lines_of(stream, LONGEST)
            reader = (
                aider_chat.ChatReader(reading, zone, now_ms)
                if kind == aider_chat.FORMAT
                else aider_log.LogReader(reading, now_ms)
            )
            for said in reader.read(lines):
                yield aider_rows.item(place, said)

    return Reader(kind, path, items)


def of_export(path: Path, target: Target) -> Reader:
    """A file that `lodestar data export` wrote. Raises UsageError where it is none."""
    first = next(iter(_beginning(path)), None)
    if first is not None and f'"{SCHEMA}"' not in first.text[:200]:
        do = "lodestar data export --out FILE writes one, lodestar data import takes Aider's files"
        raise UsageError(f"{path} is no export of Lodestar's", f"no {SCHEMA}", do)

    def items(reading: Reading) -> Iterator[Item]:
        with opened(path) as stream:
            lines = lines_of(stream, exported.LONGEST)
            yield from exported.ExportReader(reading, target).read(lines)

    return Reader(exported.FORMAT, path, items)


def _format(path: Path) -> str:
    for line in _beginning(path):
        if aider_chat.HEADER.match(line.text) or line.text.startswith("> Aider v"):
            return aider_chat.FORMAT
        if line.text.startswith("{") and f'"{SCHEMA}"' in line.text[:200]:
            raise UsageError(f"{path} is no file of Aider's", "it is an export", _MERGE)
        if line.text.startswith("{") and '"properties"' in line.text:
            return aider_log.FORMAT
    raise UsageError(
        f"{path} is no file of Aider's",
        "no session of a chat history and no event of an analytics log begins in it",
        "name a .aider.chat.history.md, or what aider --analytics-log wrote",
    )


def _beginning(path: Path) -> list[Line]:
    """The first lines that have something in them."""
    found: list[Line] = []
    with opened(path) as stream:
        for line in lines_of(stream, LONGEST):
            if line.text.strip():
                found.append(replace(line, text=line.text[:_SHOWN]))
            if len(found) == _LOOKED_AT:
                break
    return found
