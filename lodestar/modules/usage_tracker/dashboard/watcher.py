"""The thread that reads the ledger, so that the keys answer whatever the disk does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from lodestar.errors import LodestarError
from lodestar.modules.usage_tracker.dashboard import exchange
from lodestar.modules.usage_tracker.dashboard.exchange import Told
from lodestar.modules.usage_tracker.dashboard.page import Page
from lodestar.modules.usage_tracker.dashboard.reading import Reading
from lodestar.modules.usage_tracker.dashboard.view import Asked

log = logging.getLogger("lodestar.usage_tracker")
EVERY_S = 1.0
COUNTING_S = 0.02
"""Between two steps of counting, in which others may have the disk."""


@dataclass(frozen=True)
class Shown:
    """A tab was read."""

    tab: str
    asked: Asked
    page: Page


@dataclass(frozen=True)
class Failed:
    """A tab could not be read; it is tried again."""

    tab: str
    asked: Asked
    error: LodestarError


@dataclass(frozen=True)
class Opened:
    """An exchange was read; `told` is None where it is gone, `diff` while git was not asked."""

    id: str
    told: Told | None
    diff: str | None = None


News = Shown | Failed | Opened


class Watcher(threading.Thread):
    """Looks at what is wanted when it may have changed, and tells what it saw.

    It ends with the process: nobody waits for a disk that does not answer.
    """

    def __init__(self, reading: Reading, tell: Callable[[News], object]) -> None:
        super().__init__(name="dashboard", daemon=True)
        self._reading = reading
        self._tell = tell
        self._wake = threading.Event()
        self._wanted: tuple[str, Asked] | None = None
        self._opening: str | None = None
        self._ended = False
        self._seen: Hashable = None
        self._counted = False

    def want(self, tab: str, asked: Asked) -> None:
        """Look at this from now on."""
        self._wanted = (tab, asked)
        self._wake.set()

    def again(self) -> None:
        """Look at once, whether anything changed or not."""
        self._seen = None
        self._wake.set()

    def open(self, id: str) -> None:
        """Read an exchange."""
        self._opening = id
        self._wake.set()

    def end(self) -> None:
        """Look no more."""
        self._ended = True
        self._wake.set()

    def run(self) -> None:
        """Until `end`."""
        while not self._ended:
            self._wake.clear()
            self._wake.wait(EVERY_S if self._look() else COUNTING_S)
        self._reading.close()

    def _look(self) -> bool:
        """Look once; False where it is to go on soon."""
        if opening := self._opening:
            self._opening = None
            self._open(opening)
        if self._wanted is None:
            return True
        tab, asked = self._wanted
        try:
            return self._read(tab, asked)
        except LodestarError as error:
            failure = error
        except Exception as error:
            log.exception("the tab %s could not be read", tab)
            why = f"{type(error).__name__}: {error}"
            failure = LodestarError("this tab cannot be read", why, "lodestar doctor")
        self._seen = None
        self._tell(Failed(tab, asked, failure))
        return True

    def _read(self, tab: str, asked: Asked) -> bool:
        # Before the page: what is written while it is read is seen next time.
        seen = (self._reading.state(), tab, asked)
        if seen != self._seen:
            self._tell(Shown(tab, asked, self._reading.page(tab, asked)))
            self._seen = seen
            self._counted = False
        if self._counted:
            return True
        self._counted = self._reading.count(tab, asked)
        if self._counted:
            self._tell(Shown(tab, asked, self._reading.page(tab, asked)))
        return self._counted

    def _open(self, id: str) -> None:
        try:
            told = self._reading.exchange(id)
        except LodestarError as error:
            if self._wanted:
                self._tell(Failed(*self._wanted, error))
            return
        self._tell(Opened(id, told))
        if told is not None:
            # Apart: a large repository takes its time, and the figures go on.
            work = threading.Thread(target=self._ask_git, args=(told,), daemon=True)
            work.start()

    def _ask_git(self, told: Told) -> None:
        self._tell(Opened(told.id, told, exchange.diff(told)))
