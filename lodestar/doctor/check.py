"""One check and what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """What is wrong, in one line, and what to do about it."""

    what: str
    do: str = ""


@dataclass(frozen=True)
class Check:
    """A subject, and the function that returns its problems; none means that all is well."""

    subject: str
    look: Callable[[], list[Problem]]


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    subject: str
    problems: tuple[Problem, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def run(check: Check) -> Finding:
    """Look; a check that itself fails is a finding, too."""
    try:
        return Finding(check.subject, tuple(check.look()))
    except Exception as error:
        what = f"this could not be checked: {type(error).__name__}: {error}"
        return Finding(check.subject, (Problem(what),))
