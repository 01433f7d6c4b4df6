"""How long a write waits for its turn: money for long, bookkeeping of free work for a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lodestar.errors import LedgerError

LONG_S = 20.0
BRIEF_S = 1.0
PAUSE_S = 10.0
"""So long after a brief write had to give up, the next ones hardly wait at all."""
PAUSED_S = 0.05

_brief: ContextVar[bool] = ContextVar("brief", default=False)
_instant: ContextVar[bool] = ContextVar("instant", default=False)


class BusyError(LedgerError):
    """Somebody else writes, and went on for longer than there was patience."""

    def __init__(self, waited_s: float) -> None:
        why = f"others have been writing to it for {waited_s:.2g} seconds"
        super().__init__("the database is busy", why, "try again in a moment")


@contextmanager
def brief() -> Iterator[None]:
    """Writes in here, also in threads that are begun here, give up soon and raise BusyError.

    For what may be written down later or not at all: nobody's answer waits for it.
    """
    token = _brief.set(True)
    try:
        yield
    finally:
        _brief.reset(token)


@contextmanager
def instant() -> Iterator[None]:
    """Writes in here get in at once or raise BusyError: for a thread that may not wait."""
    token = _instant.set(True)
    try:
        yield
    finally:
        _instant.reset(token)


class Patience:
    """How long the next write may wait, with a memory of the brief ones that waited in vain."""

    def __init__(self) -> None:
        self._pause_ends = 0.0

    def seconds(self) -> float:
        """The time that a write of this thread may take to get in."""
        if _instant.get():
            return 0.0
        if not _brief.get():
            return LONG_S
        return PAUSED_S if time.monotonic() < self._pause_ends else BRIEF_S

    def lost(self) -> None:
        """A write did not get in."""
        if _brief.get() and not _instant.get():
            self._pause_ends = time.monotonic() + PAUSE_S

    def got_in(self) -> None:
        """A write got in: there is reason to wait again."""
        self._pause_ends = 0.0
