"""The comparison: both desks at once, the same steps, and a table of what was found."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.comparison import alone, at_prompt
from tests.comparison.desks import Desk, Ours, Plain
from tests.comparison.differences import DIFFERENCES, OWN
from tests.comparison.model import Model
from tests.comparison.talk import Talk

BEGIN, END = "<!-- comparison: written by scripts/compare -->\n\n", "\n<!-- end of comparison -->"
ROWS, COLUMNS = 220, 110
"""Aider's /help and /settings fit on it."""


@dataclass(frozen=True)
class Row:
    """One topic, and what was seen of it at both desks."""

    topic: str
    plain: str
    ours: str

    @property
    def found(self) -> str:
        """The cell of the table."""
        difference = DIFFERENCES.get(self.topic)
        return difference.words if difference else "same"

    @property
    def problem(self) -> str:
        """What the table would be wrong about; empty where it is right."""
        difference = DIFFERENCES.get(self.topic)
        if difference is None:
            return "" if self.plain == self.ours else "it differs"
        if self.plain == self.ours:
            return "it does not differ"
        same = difference.apply(self.plain) == difference.apply(self.ours)
        return "" if same else "it differs in more than that"


def at_the_prompt(desk: Desk, model: Model) -> Iterator[tuple[str, str]]:
    """A session on a terminal."""
    with desk.start(rows=ROWS, columns=COLUMNS) as terminal:
        desk.prompt(terminal)
        yield from at_prompt.steps(Talk(desk, model, terminal))


def abbreviated(desk: Desk, _: Model) -> Iterator[tuple[str, str]]:
    """Each beginning of each of Aider's commands."""
    names = OWN.split("|") if isinstance(desk, Ours) else []
    program = [sys.executable, "-m", "tests.comparison.abbreviations", *names]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    yield "abbreviations: each beginning of each of Aider's commands", done.stdout


Part = Callable[[Desk, Model], Iterator[tuple[str, str]]]
PARTS: tuple[Part, ...] = (at_the_prompt, abbreviated, alone.steps)


def compare(root: Path, parts: Sequence[Part] = PARTS) -> list[Row]:
    """Both desks side by side."""
    with ThreadPoolExecutor(2) as pool:
        plain, ours = pool.map(lambda kind: _evidence(kind, root, parts), (Plain, Ours))
    assert list(plain) == list(ours)
    return [Row(topic, plain[topic], ours[topic]) for topic in plain]


def table(rows: list[Row]) -> str:
    """For a page of the documents."""
    lines = [f"| {row.topic} | {row.found} |" for row in rows]
    return "\n".join(["| What | Under Lodestar |", "| --- | --- |", *lines])


def in_page(page: str, rows: list[Row]) -> str:
    """The page with this table between its two marks."""
    inside = re.compile(f"(?<={re.escape(BEGIN)}).*?(?={re.escape(END)})", re.S)
    return inside.sub(lambda _: table(rows), page)


def rows_of(page: str) -> dict[str, str]:
    """What a page says: topic and cell."""
    lines = page.partition(BEGIN)[2].partition(END)[0].splitlines()[2:]
    return dict(line.strip("| ").split(" | ", 1) for line in lines)


def _evidence(kind: type[Desk], root: Path, parts: Sequence[Part]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, part in enumerate(parts):
        with Model() as model:
            found.update(part(kind(root / f"{kind.__name__.lower()}-{number}", model), model))
    return found
