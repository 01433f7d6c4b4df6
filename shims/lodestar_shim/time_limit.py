"""How long a session may go on, and how long it may stand idle."""

from __future__ import annotations

import math
from collections.abc import Callable

from lodestar.durations import duration_text

WARNED_SHARE = 0.2
"""A warning comes when this share of the time is left."""
WARNED_S = 600.0
"""And another one so long before the end,"""
APART_S = 60.0
"""unless the first one comes just before that, or later."""

Clock = Callable[[], float]


class TimeLimit:
    """The session's length in minutes, counted from `started` by `clock`."""

    def __init__(self, minutes: int, started: float, clock: Clock) -> None:
        self.minutes = minutes
        self._started = started
        self._clock = clock
        self._due = _warnings(minutes * 60)

    @property
    def remaining_s(self) -> float:
        """Seconds until the end, negative after it."""
        return self._started + self.minutes * 60 - self._clock()

    def extended(self, minutes: int) -> int:
        """The new length where so many minutes are added: to the end, or to now after it."""
        passed = math.ceil((self._clock() - self._started) / 60)
        return max(self.minutes, passed) + minutes

    def extend_to(self, minutes: int) -> None:
        """From now on the session is so long; the warnings count from here."""
        self.minutes = minutes
        self._due = _warnings(self.remaining_s)

    def warning(self) -> str | None:
        """What to tell the user now, once for each point that has passed."""
        remaining = self.remaining_s
        passed = [point for point in self._due if remaining <= point]
        self._due = [point for point in self._due if remaining > point]
        if not passed or remaining <= 0:
            return None
        one = remaining < 120
        return f"{left_text(remaining)} of this session {'is' if one else 'are'} left"


class IdleLimit:
    """How long a session may go without a request."""

    def __init__(self, minutes: int, clock: Clock) -> None:
        self.minutes = minutes
        self._clock = clock
        self._since = clock()
        self._warned = False

    def touch(self) -> None:
        """Something happens."""
        self._since = self._clock()
        self._warned = False

    @property
    def remaining_s(self) -> float:
        """Seconds until the end, negative after it."""
        return self._since + self.minutes * 60 - self._clock()

    def warning(self) -> str | None:
        """What to tell the user now, once in each idle time."""
        remaining = self.remaining_s
        if self._warned or not 0 < remaining <= self.minutes * 60 * WARNED_SHARE:
            return None
        self._warned = True
        left = left_text(remaining)
        return f"without a request this session ends in {left} (limits.idle_minutes)"


def left_text(seconds: float) -> str:
    """What is left, in whole minutes."""
    return "less than a minute" if seconds < 60 else duration_text(seconds // 60 * 60)


def status_text(seconds: float) -> str:
    """What is left, as the status line shows it."""
    if seconds <= 0:
        return "time is up"
    return "<1 min left" if seconds < 60 else f"{left_text(seconds)} left"


def _warnings(length_s: float) -> list[float]:
    share = length_s * WARNED_SHARE
    return [share, WARNED_S] if share >= WARNED_S + APART_S else [share]
