"""A writer's turn: all writers of all processes queue on a lock file, first come, first served.

SQLite's own waiting is unfair, and so is looking again and again: with eight busy writers some
wait for a quarter of a second. The kernel's queue for a lock on a file is fair, but cannot be
left: so a thread stands in it for us.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lodestar.store.patience import BusyError


@contextmanager
def turn(path: Path, lock_file: int, patience_s: float) -> Iterator[None]:
    """The turn of this writer; `lock_file` is open on `path`.

    Raises BusyError where it does not come in time.
    """
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if patience_s <= 0:
            raise BusyError(patience_s) from None
        with _Place(path).taken(patience_s):
            yield
    else:
        try:
            yield
        finally:
            fcntl.flock(lock_file, fcntl.LOCK_UN)


class _Place:
    """A place in the queue, on a handle of its own: who leaves must not let go of a later turn."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._guard = threading.Lock()
        self._came = threading.Event()
        self._left = False

    @contextmanager
    def taken(self, patience_s: float) -> Iterator[None]:
        """Wait, and hold the lock as long as this lasts. Raises BusyError."""
        try:
            threading.Thread(target=self._stand, name="lodestar-turn", daemon=True).start()
            if not self._came.wait(patience_s):
                raise BusyError(patience_s)
            yield
        finally:
            self._leave()

    def _stand(self) -> None:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX)
        finally:
            with self._guard:
                if self._left:
                    os.close(self._handle)
                else:
                    self._came.set()

    def _leave(self) -> None:
        with self._guard:
            # A turn that has not come yet is given back by who stands there for us.
            if self._came.is_set():
                os.close(self._handle)
            self._left = True
