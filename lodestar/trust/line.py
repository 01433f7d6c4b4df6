"""One line of a repository's file that would change something."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lodestar.redaction import Redactor
from lodestar.terminal import visible
from lodestar.trust.files import RepositoryFile

SHOWN = 200
"""Characters of a line that never counts; one that may is shown whole."""
_SECRET = re.compile(
    r"((?:key|token|secret|passw)[\w-]{0,40}[\"']?\s{0,4}[=:]\s{0,4}).+", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Line:
    """One line that matters. `counts` says whether it does where the user trusts it."""

    file: str
    number: int
    text: str
    effect: str
    counts: bool = False
    arguments: tuple[str, ...] = ()
    read: RepositoryFile | None = None

    @property
    def where(self) -> str:
        """`file:line`."""
        return visible(f"{self.file}:{self.number}" if self.number else self.file)

    @property
    def runs(self) -> bool:
        """Whether it is about a command, which is what to look at first."""
        return self.counts and self.effect.startswith("runs")


def masked(text: str) -> str:
    """A line that never counts: for the eye only, so a key in it need not be shown."""
    return visible(Redactor().text(_SECRET.sub(r"\1***", text)))[:SHOWN]
