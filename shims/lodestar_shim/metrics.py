"""What the shim counts of its requests: plain integers, touched once where an exchange ends.

One thread alone writes and reads them, so that nothing is locked.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lodestar.exchange import Usage
    from lodestar_shim.attempts import Attempt

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
OVERHEAD = (
    *(0.0001, 0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)
WAIT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 300.0)


class Histogram:
    """How many values were at most so large, and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class ByAlias(dict[str, Histogram]):
    """A histogram for each alias, made when it is first needed."""

    def __init__(self, bounds: Sequence[float]) -> None:
        super().__init__()
        self._bounds = bounds

    def __missing__(self, alias: str) -> Histogram:
        self[alias] = found = Histogram(self._bounds)
        return found


class Metrics:
    """Counts since the start of this process. The aliases are those of the catalogue."""

    def __init__(self) -> None:
        self.started = time.time()
        self.requests: dict[tuple[str, str, str], int] = defaultdict(int)
        """By alias that was asked for, kind and status."""
        self.attempts: dict[tuple[str, str], int] = defaultdict(int)
        """By alias that was called and status."""
        self.retries: dict[str, int] = defaultdict(int)
        self.fallbacks: dict[tuple[str, str], int] = defaultdict(int)
        """By the alias that failed or was refused, and the one that was called instead."""
        self.tokens: dict[str, list[int]] = defaultdict(lambda: [0] * len(TOKENS))
        self.cash: dict[str, int] = defaultdict(int)
        self.first_token = ByAlias(SECONDS)
        self.duration = ByAlias(SECONDS)
        self.overhead = {"free": Histogram(OVERHEAD), "paid": Histogram(OVERHEAD)}
        self.hold_wait = Histogram(WAIT)

    @property
    def answered(self) -> int:
        """Requests that brought an answer, whole or as far as its reader wanted it."""
        return sum(n for (_, _, status), n in self.requests.items() if status == "ok")

    @property
    def asked(self) -> int:
        """All requests that are over."""
        return sum(self.requests.values())

    def exchange(
        self, alias: str, kind: str, made: Sequence[Attempt], began: float, refused: bool
    ) -> None:
        """An exchange is over: `alias` was asked for, at the time `began` of perf_counter.

        `refused` says that a gate let no attempt through.
        """
        total = time.perf_counter() - began
        status = made[-1].outcome.status if made else "refused" if refused else "aborted"
        self.requests[alias, kind, status] += 1
        self.duration[alias].observe(total)
        if made:
            self._attempts(alias, made)
        if len(made) == 1:
            # Else there were pauses between the calls.
            path = "paid" if made[0].route.entry.paid else "free"
            self.overhead[path].observe(max(0.0, total - made[0].upstream_s))

    def _attempts(self, asked: str, made: Sequence[Attempt]) -> None:
        before, first = asked, True
        for attempt in made:
            alias, outcome = attempt.route.alias, attempt.outcome
            self.attempts[alias, outcome.status] += 1
            if alias != before:
                self.fallbacks[before, alias] += 1
            elif not first:
                self.retries[alias] += 1
            before, first = alias, False
            self.cash[alias] += attempt.cash_nano
            if outcome.sent:
                self._used(alias, outcome.usage)
            if outcome.ttft_ms is not None:
                self.first_token[alias].observe(outcome.ttft_ms / 1000)

    def _used(self, alias: str, usage: Usage) -> None:
        counts = self.tokens[alias]
        counts[0] += usage.input or 0
        counts[1] += usage.output or 0
        counts[2] += usage.cache_read or 0
        counts[3] += usage.cache_write or 0
        counts[4] += usage.reasoning or 0


TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")
