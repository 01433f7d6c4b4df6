"""What the user wants to be told, and how: `alerts` of the module's settings."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from lodestar.modules.usage_tracker.comparison import module_settings
from lodestar.settings import Settings

log = logging.getLogger("lodestar.usage_tracker")
WHERE = "modules.usage_tracker.alerts"
_last: list[tuple[Settings, AlertSettings]] = []


@dataclass(frozen=True)
class AlertSettings:
    """`command` is a program and its arguments; `problems` are lines for the user."""

    thresholds: tuple[int, ...] = (50, 80, 95, 100)
    desktop: bool = False
    command: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def alert_settings(settings: Settings) -> AlertSettings:
    """The settings, read once for each process; what is wrong in them is logged and left out."""
    if not (_last and _last[0][0] is settings):
        found = parsed(module_settings(settings).get("alerts"))
        for problem in found.problems:
            log.warning("%s", problem)
        _last[:] = [(settings, found)]
    return _last[0][1]


def parsed(given: Any) -> AlertSettings:
    """The settings as somebody wrote them; what is missing or wrong is as it is by default."""
    if given is None:
        return AlertSettings()
    if not isinstance(given, dict):
        return AlertSettings(problems=(f"{WHERE} must be a mapping, and is left out",))
    checks = {"thresholds": _thresholds, "desktop": _desktop, "command": _command}
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, value in given.items():
        if key not in checks:
            problems.append(f"{WHERE}.{key} is not known; there are {', '.join(checks)}")
            continue
        try:
            values[key] = checks[key](value)
        except ValueError as error:
            problems.append(f"{WHERE}.{key} must be {error}, and is left out")
    return AlertSettings(**values, problems=tuple(problems))


def _thresholds(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(n) is int and 1 <= n <= 100 for n in value):
        raise ValueError("a list of whole percentages from 1 to 100")
    return tuple(sorted(set(value)))


def _desktop(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _command(value: Any) -> tuple[str, ...]:
    whole = isinstance(value, list) and all(isinstance(part, str) for part in value)
    if not whole or (value and not value[0]) or any("\0" in part for part in value):
        raise ValueError("a list: the program, then its arguments")
    return tuple(value)
