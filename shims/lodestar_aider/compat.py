"""Checks that this Aider is one we know, before anything of it is changed or run."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lodestar_aider.errors import LaunchError

SUPPORTED = "0.86"
REINSTALL = f"reinstall aider-chat {SUPPORTED}.x"
WITHOUT_EXTRAS = (
    f"{REINSTALL}, or go on without status, notices and outcomes: lodestar code --plain"
)


@dataclass(frozen=True)
class Need:
    """Something of Aider that we replace or call: its module, dotted name and parameters.

    `parameters` are the leading ones, in order; None for what is not a function.
    """

    module: str
    name: str
    parameters: tuple[str, ...] | None = None

    def problem(self) -> str | None:
        """Why this need is not met, or None."""
        try:
            found = resolve(self.module, self.name)
        except (ImportError, AttributeError):
            return f"{self.module}.{self.name} is missing"
        if self.parameters is None:
            return None
        return self._signature_problem(found)

    def _signature_problem(self, found: Any) -> str | None:
        try:
            actual = tuple(inspect.signature(found).parameters)
        except (TypeError, ValueError):
            return f"{self.module}.{self.name} is not a function"
        if actual[: len(self.parameters or ())] == self.parameters:
            return None
        return f"{self.module}.{self.name} takes ({', '.join(actual)})"


def resolve(module: str, name: str) -> Any:
    """The object at `module.name`; raises ImportError or AttributeError."""
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def aider_version() -> str:
    """The version of the Aider in this interpreter; raises LaunchError when there is none."""
    try:
        package = importlib.import_module("aider")
    except ImportError as problem:
        raise LaunchError(
            "Aider was not started: this Python has no Aider",
            str(problem),
            f"install aider-chat {SUPPORTED}.x for it, or choose another Python",
        ) from problem
    return str(getattr(package, "__version__", "unknown"))


def check_version(version: str) -> None:
    """Raises LaunchError unless it is a version whose insides we know."""
    if version.split(".")[:2] == SUPPORTED.split("."):
        return
    raise LaunchError(
        f"Aider was not started: version {version} is not supported",
        f"the guard over a repository's settings is made for Aider {SUPPORTED}.x",
        f"install aider-chat {SUPPORTED}.x",
    )


def unmet(needs: Iterable[Need]) -> list[str]:
    """The problems found, in order; empty when this Aider has all that is needed."""
    return [problem for problem in (need.problem() for need in needs) if problem]


def require(problems: list[str], do: str = REINSTALL) -> None:
    """Raises LaunchError naming the first of the problems, and what to do."""
    if not problems:
        return
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    raise LaunchError(
        "Aider was not started: it is not the Aider this launcher knows",
        problems[0] + more,
        do,
    )
