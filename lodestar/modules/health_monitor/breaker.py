"""One circuit breaker: how a row of failures closes a way for a while, and how it opens again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "open", "half-open"]
"""closed: all is well. open: leave it out. half-open: its time is up, one call may try."""


@dataclass
class Breaker:
    """Counts failures in a row. Times are UTC milliseconds, given by the caller.

    closed -> open: `failures` in a row. open -> half-open: `wait_ms` later. half-open -> open: a
    further failure. Any success, of a call or a probe, closes it.
    """

    failures: int
    wait_ms: int
    count: int = 0
    opened_ms: int | None = None
    trial_ms: int | None = None
    """When somebody was sent to try; nobody else is until that is over, or was given up."""
    last_ms: int = 0

    def record(self, ok: bool, at_ms: int) -> bool:
        """Note how a call or a probe went; whether it closed or opened by that.

        What comes late, from another session, tells nothing new.
        """
        if at_ms < self.last_ms:
            return False
        self.last_ms, self.trial_ms = at_ms, None
        was_open = self.opened_ms is not None
        if ok:
            self.count, self.opened_ms = 0, None
            return was_open
        self.count += 1
        if was_open or self.count >= self.failures:
            self.opened_ms = at_ms
        return self.opened_ms is not None and not was_open

    def state(self, now_ms: int) -> State:
        """How it stands now."""
        if self.opened_ms is None:
            return "closed"
        # A clock that was set back must not keep it open for ever.
        waits = abs(now_ms - self.opened_ms) < self.wait_ms
        return "open" if waits else "half-open"

    def left_ms(self, now_ms: int) -> int:
        """How long it stays open."""
        if self.opened_ms is None or self.state(now_ms) != "open":
            return 0
        return self.opened_ms + self.wait_ms - now_ms

    def lets_through(self, now_ms: int) -> bool:
        """Whether a call may go this way now, as any other or as the one that tries."""
        state = self.state(now_ms)
        return state == "closed" or (state == "half-open" and not self._is_tried(now_ms))

    def try_it(self, now_ms: int) -> None:
        """A call goes this way: while it is on its way, it is the only one that tries."""
        if self.opened_ms is not None:
            self.trial_ms = now_ms

    def _is_tried(self, now_ms: int) -> bool:
        # A trial that was aborted tells nobody; after a while another may try.
        return self.trial_ms is not None and abs(now_ms - self.trial_ms) < self.wait_ms
