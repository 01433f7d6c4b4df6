"""Shims that are killed while they spend, under a limit that is renewed all the time.

Clients keep asking the shims of a fleet for paid answers, streamed and in one piece, which the
provider ends in every way it knows. A killer sends kill -9 to one shim after another and starts
another at once. A treasurer raises the daily limit again and again to what is spent and held plus
a little, so that there is always a limit in force, it is always nearly reached, and work goes on.
"""

from __future__ import annotations

import functools
import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.fakes import fleet
from tests.fakes.chaos import Chaos
from tests.fakes.chaos_answers import MODES
from tests.fakes.fleet import Fleet
from tests.fakes.invariants import (
    Books,
    check_ended,
    check_running,
    committed,
    open_store,
)

CAP = 400
# More than the largest worst case of one call, nano-dollars.
WORST = 9_000_000
# An answer that runs over its cap costs more than any hold: it has a test of its own.
ENDINGS = sorted(set(MODES) - {"overrun"})
USUAL = ("good", "good", "slow", "cut", "nousage")
CLIENTS_EACH = 3
LOOKS = 5
"""Between two renewals it is looked at so often."""


@dataclass(frozen=True)
class Plan:
    """How much is done; `shims` at once, a limit that grows by `step` worst cases."""

    shims: int
    seconds: float
    kills: int
    how: str = "usual"
    step: int = 8
    renew_s: float = 1
    seed: int = 0


@dataclass
class Result:
    """What happened."""

    kills: int = 0
    asked: int = 0
    answered: int = 0
    refused: int = 0
    renewals: int = 0
    limit: int = 0
    books: Books | None = None

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.asked} requests, {self.answered} answered,"
            f" {self.refused} refused, {self.renewals} renewals; {self.books}"
        )


class KillLoop:
    """One run; `run` returns when every shim is gone and everything was checked."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder = folder
        self._home = folder / "home"
        self._plan = plan
        self._over = threading.Event()
        self._mutex = threading.Lock()
        self._failure: BaseException | None = None
        self.result = Result()

    def run(self) -> Result:
        """Raises InvariantError as soon as one does not hold."""
        with ExitStack() as stack:
            self._chaos = stack.enter_context(Chaos(self._folder, "--most", str(CAP)))
            fleet.configure(self._home, self._chaos.url)
            self._renew()
            self._fleet = stack.enter_context(Fleet(self._home, self._plan.shims, self._plan.how))
            self._in_threads()
        self.result.books = check_ended(self._home, self._chaos.truth(), self.result.limit)
        return self.result

    def works(self) -> list[Callable[[], None]]:
        """What goes on at the same time, until it is over."""
        clients = range(self._plan.shims * CLIENTS_EACH)
        asking = [functools.partial(self._ask, number) for number in clients]
        return [*asking, self._kill, self._keep_renewing]

    def victim(self, draw: random.Random) -> int:
        """The place of the next shim to be killed."""
        return draw.randrange(self._plan.shims)

    def _in_threads(self) -> None:
        threads = [threading.Thread(target=self._guarded, args=[work]) for work in self.works()]
        for thread in threads:
            thread.start()
        self._over.wait(self._plan.seconds)
        # The kills are the measure: a slow machine takes longer.
        while not self._over.is_set() and self.result.kills < self._plan.kills:
            self._over.wait(0.1)
        self._over.set()
        for thread in threads:
            thread.join()
        if self._failure:
            raise self._failure

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:
            self._failure = self._failure or failure
            self._over.set()

    def _ask(self, number: int) -> None:
        draw = random.Random(f"{self._plan.seed}/{number}")
        while not self._over.is_set():
            mode = draw.choice((*USUAL, *ENDINGS))
            shim, stream = draw.randrange(self._plan.shims), draw.random() < 0.7
            status, error = self._fleet.ask(shim, mode, CAP, stream)
            with self._mutex:
                self.result.asked += 1
                self.result.answered += status == 200
                self.result.refused += error.get("code") == "budget_exceeded"
            if status == 400:
                self._over.wait(0.1)

    def _kill(self) -> None:
        draw = random.Random(self._plan.seed)
        between = self._plan.seconds / (self._plan.kills + 1)
        due = time.monotonic()
        while self.result.kills < self._plan.kills:
            due += between
            if self._over.wait(max(0, due - time.monotonic())):
                return
            self._fleet.kill(self.victim(draw))
            self.result.kills += 1

    def _keep_renewing(self) -> None:
        while not self._over.is_set():
            for _ in range(LOOKS):
                self._over.wait(self._plan.renew_s / LOOKS)
                self._look()
            self._renew()

    def _look(self) -> None:
        """What must hold at any moment, under the limit in force."""
        with open_store(self._home) as store:
            check_running(store, self._chaos.billed, self.result.limit)

    def _renew(self) -> None:
        """The next limit: `lodestar budget set --daily`."""
        with open_store(self._home) as store:
            spent = max(committed(store), self._chaos.billed())
        self.result.limit = max(self.result.limit, spent + self._plan.step * WORST)
        fleet.set_daily(self._home, self.result.limit)
        self.result.renewals += 1
