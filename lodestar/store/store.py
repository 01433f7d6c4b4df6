"""The connection to usage.db: WAL, private to the user, one writer at a time."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lodestar.errors import LedgerError
from lodestar.paths import tighten
from lodestar.store import migrations
from lodestar.store.migrations import MigrationSet

log = logging.getLogger("lodestar.store")

LOCK_TIMEOUT_S = 20.0


class Store:
    """One open database. Safe to use from several threads; one at a time gets in.

    Writers of all processes queue on a lock file, because SQLite's own busy handler is
    unfair and because the queue keeps a checkpoint from running beside a commit.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, lock_file: int) -> None:
        self.path = path
        self._connection = connection
        self._lock_file = lock_file
        self._mutex = threading.RLock()

    @classmethod
    def open(cls, path: Path, sets: Sequence[MigrationSet] = ()) -> Store:
        """Open or create the database and bring its tables up to date.

        Raises LedgerError where it cannot be opened, is damaged, or is from a newer version.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in (path, _lock_path(path)):
                os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
                tighten(file)
            lock_file = os.open(_lock_path(path), os.O_RDWR | os.O_CLOEXEC)
            connection = _connect(path)
            store = cls(path, connection, lock_file)
            store._migrate(sets)
        except (sqlite3.Error, OSError) as error:
            raise _unusable(path, error) from error
        return store

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        with self._mutex:
            if self._lock_file >= 0:
                self._connection.close()
                os.close(self._lock_file)
                self._lock_file = -1

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed at the end, rolled back on an exception.

        Inside another one of the same thread it joins that one.
        """
        with self._mutex:
            if self._connection.in_transaction:
                yield self._connection
            else:
                with self._transaction() as connection:
                    yield connection

    def between_writes(self, action: Callable[[], object]) -> None:
        """Call `action` while no transaction of this process is open."""
        with self._mutex:
            action()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _unstopped(), _locked(self._lock_file):
            try:
                # Inside: what interrupts right after it must not leave it open.
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query; read at once, so that no snapshot stays open."""
        with self._mutex:
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def _migrate(self, sets: Sequence[MigrationSet]) -> None:
        for group in migrations.pending(self._connection, sets):
            try:
                with self._transaction() as connection:
                    # Looked at again: another session may have migrated while we waited.
                    migrations.apply(connection, migrations.pending(connection, [group]))
            except Exception:
                if group is sets[0]:
                    raise
                # A module without its tables fails at its hooks, alone; core goes on.
                log.exception("the tables of %s could not be made", group.name)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    mode = _set_wal(connection)
    if mode != "wal":
        connection.close()
        raise sqlite3.OperationalError(f"journal mode is {mode}: write-ahead logging was refused")
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _set_wal(connection: sqlite3.Connection) -> str:
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            # The switch to WAL ignores the busy timeout while another process does the same.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def _unstopped() -> Iterator[None]:
    """A stop (Ctrl-Z) waits until the end: all sessions would wait for a stopped writer.

    Only the main thread may say so; a process that writes in others answers the signal itself.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL:
        yield
        return
    asked: list[int] = []
    signal.signal(signal.SIGTSTP, lambda number, _: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        if asked:
            os.kill(os.getpid(), signal.SIGTSTP)


@contextmanager
def _locked(lock_file: int) -> Iterator[None]:
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise LedgerError(
                    "the database is busy",
                    f"another process has been writing to it for {LOCK_TIMEOUT_S:.0f} seconds",
                    "try again in a moment",
                ) from None
            time.sleep(0.005)
    try:
        yield
    finally:
        fcntl.flock(lock_file, fcntl.LOCK_UN)


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _unusable(path: Path, error: Exception) -> LedgerError:
    return LedgerError(
        f"cannot use the database {path}",
        str(error),
        "check free space and permissions; if it is damaged, move it aside and restore a backup",
    )
