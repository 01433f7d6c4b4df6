"""The writers of one open database: threads of this process first, then all processes' queue."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from lodestar.store.connection import begins, lock_path, unstopped
from lodestar.store.log_sync import LogSync
from lodestar.store.patience import LONG_S, BusyError, Patience
from lodestar.store.sight import Sight
from lodestar.store.turn import turn

log = logging.getLogger("lodestar.store")
LOOK_AGAIN_S = 0.005
FOREIGN_S = 10.0
"""So long a write waits for a program that does not queue."""


class Writers:
    """One write at a time. Who waits for his turn does not keep others from reading.

    Two locks, always taken in this order: the writers' own, with the turn among processes
    after it, and `mutex`, with which the connection is used for a moment.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock_file: int, log_sync: LogSync
    ) -> None:
        self.mutex = threading.RLock()
        self.sight: Sight | None = None
        self.younger = False
        """Whether the database turned out to know less than it knew."""
        self._path = path
        self._lock_path = lock_path(path)
        self._connection = connection
        self._lock_file = lock_file
        self._lock = threading.RLock()
        self._patience = Patience()
        self._writing = False
        self._log_sync = log_sync
        self.commits = 0
        """Since the last checkpoint."""
        self._waiting: list[Callable[[], object]] = []

    @contextmanager
    def still(self) -> Iterator[None]:
        """No thread of this process writes, or waits to."""
        with self._lock:
            yield

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The turn among all processes, without a transaction."""
        with self._lock, turn(self._lock_path, self._lock_file, LONG_S):
            yield

    @contextmanager
    def write(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction, or a part of the one that this thread is in. Raises BusyError.

        A part that fails is undone alone. One that is not `durable` is not synced: it outlives
        the death of this process, but not a power failure.
        """
        wait_s = self._patience.seconds()
        deadline = time.monotonic() + wait_s
        if not self._lock.acquire(timeout=wait_s):
            self._patience.lost()
            raise BusyError(wait_s)
        waiting: list[Callable[[], object]] = []
        number = None
        try:
            if self._writing:
                with self._part() as connection:
                    yield connection
            else:
                self._waiting = waiting
                with self._transaction(deadline, wait_s, durable) as connection:
                    yield connection
                number = self._log_sync.committed() if durable else None
        finally:
            self._lock.release()
        try:
            # Others write meanwhile; who was given a hold waits for his own.
            if number is not None:
                self._log_sync.wait(number)
        finally:
            # Committed it is, also where the disk fails to say that it has it.
            for work in waiting:
                work()

    @contextmanager
    def joined(self) -> Iterator[sqlite3.Connection]:
        """The transaction that this thread is in, or one of its own. Nothing is undone alone."""
        mine = self._lock.acquire(blocking=False)
        try:
            if mine and self._writing:
                yield self._connection
                return
        finally:
            if mine:
                self._lock.release()
        with self.write() as connection:
            yield connection

    def after_commit(self, work: Callable[[], object]) -> None:
        """Call `work` once the transaction that this thread is in is committed, if it ever is."""
        self._waiting.append(work)

    @contextmanager
    def _part(self) -> Iterator[sqlite3.Connection]:
        waiting = len(self._waiting)
        self._connection.execute("SAVEPOINT part")
        try:
            yield self._connection
        except BaseException:
            del self._waiting[waiting:]
            # What failed so badly that SQLite ended the transaction itself has no savepoint left.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            raise
        self._connection.execute("RELEASE part")

    @contextmanager
    def _transaction(
        self, deadline: float, wait_s: float, durable: bool
    ) -> Iterator[sqlite3.Connection]:
        # Who may not wait has a loop that answers the signal itself, after this.
        with unstopped() if wait_s > 0 else nullcontext(), self._taken(deadline):
            deadline = min(deadline, time.monotonic() + FOREIGN_S)
            while True:
                with self._connection_taken(wait_s):
                    self._roll_back()
                    try:
                        # Inside: what interrupts right after it must not leave it open.
                        if self._begins(durable):
                            yield self._connection
                            self._commit(durable)
                            return
                    except BaseException:
                        self._roll_back()
                        raise
                    finally:
                        self._writing = False
                # Another program has SQLite's own lock; who reads gets in between.
                if time.monotonic() > deadline:
                    self._patience.lost()
                    raise BusyError(wait_s)
                time.sleep(LOOK_AGAIN_S)

    @contextmanager
    def _connection_taken(self, wait_s: float) -> Iterator[None]:
        if not self.mutex.acquire(blocking=wait_s > 0):
            raise BusyError(wait_s)
        try:
            yield
        finally:
            self.mutex.release()

    @contextmanager
    def _taken(self, deadline: float) -> Iterator[None]:
        came = False
        try:
            left_s = max(0.0, deadline - time.monotonic())
            with turn(self._lock_path, self._lock_file, left_s):
                came = True
                yield
        except BusyError:
            if not came:
                self._patience.lost()
            raise

    def _begins(self, durable: bool) -> bool:
        """Begin a transaction; False where somebody else is in one."""
        if self.sight:
            self.sight.refresh(self._connection)
        if not begins(self._connection):
            return False
        self._writing = True
        self._patience.got_in()
        # What is free is written down all the same; who spends money asks in here.
        if durable and self.sight and self.sight.is_younger(self._connection):
            self.younger = True
        return True

    def _commit(self, durable: bool) -> None:
        # Only what is durable moves the number on.
        sight = self.sight if durable else None
        reached = sight.reached(self._connection) if sight else 0
        self._connection.execute("COMMIT")
        self.commits += 1
        if sight:
            sight.keep(reached)

    def _roll_back(self) -> None:
        """End a transaction that is open; one that failed to end would be joined for ever."""
        for last in (False, True):
            try:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                if last:
                    raise
                log.exception("a transaction could not be rolled back at once")
