"""A log without anybody's words: when, what kind, where in the program, and no more.

Messages quote providers, and those quote prompts. What our own words say up to the first colon or
quotation mark is kept; of tracebacks the places and the kind of the error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

LONGEST = 80
LAST_LINES = 2000
LAST_BYTES = 1 << 20
_ENTRY = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+(?: \d+)?"
    r" (?:DEBUG|INFO|WARNING|ERROR|CRITICAL) ([\w.]+): )(.*)"
)
_PLACE = re.compile(r'  File "([^"]+)", line (\d+), in ([\w<>.]+)')
_ERROR = re.compile(
    r"([A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Timeout)\w*)(?::|$)"
)
_WORDS = re.compile(r"[^:'\"`{\[(=]*")


def shape(lines: Iterable[str]) -> Iterator[str]:
    """The lines as far as they are ours."""
    left_out = 0
    for line in lines:
        kept = _kept(line.rstrip("\n"))
        if kept is None:
            left_out += 1
            continue
        if left_out:
            yield f"[{left_out} lines left out]"
        left_out = 0
        yield kept
    if left_out:
        yield f"[{left_out} lines left out]"


def of_file(path: Path) -> str:
    """The shape of the end of a log; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LAST_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()[-LAST_LINES:]
    except OSError:
        return ""
    return "".join(f"{line}\n" for line in shape(lines))


def first_words(message: str) -> str:
    """A message up to where it begins to quote."""
    found = _WORDS.match(message)
    kept = found[0][:LONGEST] if found else ""
    return kept if kept == message else f"{kept}[...]"


def _kept(line: str) -> str | None:
    entry = _ENTRY.fullmatch(line)
    if entry:
        ours = entry[2] == "lodestar" or entry[2].startswith(("lodestar.", "lodestar_"))
        return entry[1] + (first_words(entry[3]) if ours else "[...]")
    place = _PLACE.match(line)
    if place:
        return f'  File "{_module(place[1])}", line {place[2]}, in {place[3]}'
    error = _ERROR.match(line)
    return f"{error[1]}: [...]" if error else None


def _module(path: str) -> str:
    """A path from the package on: what is before it names people."""
    for mark in ("/site-packages/", "/shims/", "/lodestar/"):
        if mark in path:
            return mark.strip("/") + "/" + path.rpartition(mark)[2]
    return path.rpartition("/")[2]
