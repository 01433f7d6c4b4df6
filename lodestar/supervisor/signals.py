"""The signals of a session: Ctrl-C is Aider's, the others ask for the end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class Signals:
    """Between entry and exit no signal interrupts the supervisor itself."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        """Set when SIGTERM or SIGHUP has come."""
        self.stopped_by: int | None = None
        """The first of them, None where the session ended by itself."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        # A handler, never SIG_IGN: a child would inherit that and be deaf to Ctrl-C.
        handlers: dict[int, Callable[[int, FrameType | None], None]] = {
            signal.SIGINT: _leave_to_child,
            signal.SIGQUIT: _leave_to_child,
            signal.SIGTERM: self._on_stop,
            signal.SIGHUP: self._on_stop,
        }
        for number, handler in handlers.items():
            self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._before:
            signal.signal(*self._before.popitem())

    @contextmanager
    def released(self) -> Iterator[None]:
        """The former handlers, for work that may be interrupted."""
        self.__exit__(None, None, None)
        try:
            yield
        finally:
            self.__enter__()

    def _on_stop(self, number: int, _: FrameType | None) -> None:
        self.stopped_by = self.stopped_by or number
        self.stop.set()


def _leave_to_child(number: int, _: FrameType | None) -> None:
    """Aider is in the same process group and has the signal, too."""
