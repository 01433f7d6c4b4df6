"""What is told to the user of health, in one line each."""

from __future__ import annotations

from lodestar.modules.health_monitor.board import Turn
from lodestar.settings import RoutingSettings
from lodestar.terminal import one_line

LONGEST = 120


def turned(turn: Turn, why: str | None, settings: RoutingSettings) -> tuple[str, str]:
    """(level, text) for a breaker that opened, or closed again."""
    if not turn.opened:
        return "info", f"{turn.what} answers again"
    reason = f" ({one_line(why, LONGEST)})" if why else ""
    times = "once" if settings.breaker_failures == 1 else f"{settings.breaker_failures} times"
    text = (
        f"{turn.what} failed {times} in a row{reason}; for {settings.breaker_s} s it is asked"
        " only where there is no other"
    )
    return "warn", text
