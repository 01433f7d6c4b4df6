"""One check, what it found, and what can be done about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["warn", "fail"]


@dataclass(frozen=True)
class Problem:
    """What is wrong, why, and what to do about it, in one line each.

    `warn` is for what works but will not for ever, or not as well as it could. `fix` does what is
    to be done where that is safe, and returns a line that says what it did.
    """

    what: str
    do: str = ""
    why: str = ""
    level: Level = "fail"
    fix: Callable[[], str] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Check:
    """A subject, and the function that returns its problems; none means that all is well."""

    subject: str
    look: Callable[[], list[Problem]]


@dataclass(frozen=True)
class Finding:
    """The result of one check, and how long it took."""

    subject: str
    problems: tuple[Problem, ...]
    seconds: float = 0.0

    @property
    def level(self) -> Literal["ok", "warn", "fail"]:
        """The worst of its problems."""
        if not self.problems:
            return "ok"
        return "fail" if any(one.level == "fail" for one in self.problems) else "warn"

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def run(check: Check) -> Finding:
    """Look; a check that itself fails is a finding, too."""
    began = time.monotonic()
    try:
        problems = tuple(check.look())
    except Exception as error:
        what = f"this could not be checked: {type(error).__name__}: {error}"
        problems = (Problem(what),)
    return Finding(check.subject, problems, round(time.monotonic() - began, 3))


def fixed(findings: Iterable[Finding]) -> list[tuple[str, bool]]:
    """Do what is safe about them: a line for each, and whether it worked."""
    done = []
    for problem in (one for finding in findings for one in finding.problems if one.fix):
        try:
            done.append((problem.fix() if problem.fix else "", True))
        except Exception as error:
            done.append((f"{problem.what}: {type(error).__name__}: {error}", False))
    return done


def problems_of(said: Any) -> list[Problem]:
    """What a module's check returned: None, a line, a Problem, or several of those."""
    if said is None:
        return []
    if isinstance(said, (str, Problem)):
        return [said if isinstance(said, Problem) else Problem(said)]
    return [problem for part in said for problem in problems_of(part)]
