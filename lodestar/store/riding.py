"""Rows that are committed with somebody else's: those of a call with the hold of its money.

Who places a hold makes the passenger ready before its transaction and takes it aboard inside. So
a paid call waits for one commit, and there is no hold without the row of its call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from lodestar.store.store import Store

_waiting: ContextVar[Rider | None] = ContextVar("waiting", default=None)


class Rider:
    """Rows on their way. `prepare` does what takes long, and returns what writes them."""

    def __init__(self, prepare: Callable[[], Callable[[], object]]) -> None:
        self._prepare = prepare
        self._write: Callable[[], object] | None = None
        self.arrived = False
        """Whether the rows are committed."""
        self.error: Exception | None = None
        """Why they could not be written."""

    def ready(self) -> None:
        """Do what needs no transaction."""
        try:
            self._write = self._write or self._prepare()
        except Exception as error:
            self.error = error
            raise

    def board(self, store: Store) -> None:
        """Write the rows, within the transaction that this thread is in."""
        self.ready()
        try:
            if self._write and not self.arrived:
                self._write()
        except Exception as error:
            self.error = error
            raise
        store.after_commit(self._arrive)

    def _arrive(self) -> None:
        self.arrived = True


@contextmanager
def riding(rider: Rider) -> Iterator[None]:
    """In here, and in threads begun here, the rows wait for somebody who takes them along."""
    token = _waiting.set(rider)
    try:
        yield
    finally:
        _waiting.reset(token)


def passenger() -> Rider:
    """Who waits to be taken along, made ready; without anybody, nothing is written."""
    rider = _waiting.get() or Rider(lambda: lambda: None)
    rider.ready()
    return rider
