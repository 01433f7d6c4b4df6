"""The connection to usage.db: WAL, private to the user, one writer at a time."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from lodestar.errors import LedgerError
from lodestar.store import fitness, migrations, state
from lodestar.store.connection import connect, create, empties_log, in_use, lock_path
from lodestar.store.fitness import MOUNTS
from lodestar.store.log_sync import LogSync
from lodestar.store.migrations import MigrationSet
from lodestar.store.sight import Sight
from lodestar.store.writers import Writers

log = logging.getLogger("lodestar.store")
EMPTYING_TRIES = 40
CHECKPOINT_COMMITS = 200


class Store:
    """One open database. Safe to use from several threads; one at a time gets in.

    Writers of all processes queue on a lock file, because SQLite's own busy handler is
    unfair and because the queue keeps a checkpoint from running beside a commit.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        lock_file: int,
        log_sync: LogSync,
        stands_for: LedgerError | None = None,
    ) -> None:
        self.path = path
        self.stands_for = stands_for
        """Why this is a stand-in, None for the database itself."""
        self._connection = connection
        self._lock_file = lock_file
        self._log_sync = log_sync
        self._writers = Writers(path, connection, lock_file, log_sync)
        self._identity = fitness.identity(fitness.statuses(path))
        self._ending = ExitStack()
        self._witnessed: state.State | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        sets: Sequence[MigrationSet] = (),
        whole: bool = False,
        mounts: Path = MOUNTS,
    ) -> Store:
        """Open or create the database and bring its tables up to date.

        Raises LedgerError where it cannot be opened, is damaged, is from a newer version, lies
        where it is not safe, or is not the one that was left here. `whole` looks at every page
        of a file that is not too large.
        """
        with ExitStack() as ending:
            try:
                _refuse(fitness.misplaced(path, mounts))
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                ending.enter_context(in_use(path))
                # Before the database: another process may be making both, the witness last.
                witness = state.read_witness(path)
                _refuse(state.missing(path, witness))
                store = cls._opened(path, sets, None, ending)
                _refuse(fitness.damaged(store._connection, path, whole))
                _refuse(state.mismatch(path, state.read(store._connection), witness))
                store._migrate(sets)
                store._witnessed = witness
                store._writers.sight = store._first_sight(witness)
                if witness is None:
                    store._write_witness()
            except (sqlite3.Error, OSError) as error:
                raise unusable(path, error) from error
            store._ending = ending.pop_all()
        return store

    @classmethod
    def stand_in(cls, path: Path, sets: Sequence[MigrationSet], reason: LedgerError) -> Store:
        """A database in the place of the one that cannot be used; never fit for money."""
        with ExitStack() as ending:
            try:
                store = cls._opened(path, sets, reason, ending)
                store._migrate(sets)
            except (sqlite3.Error, OSError) as error:
                raise unusable(path, error) from error
            store._ending = ending.pop_all()
        return store

    @classmethod
    def _opened(
        cls,
        path: Path,
        sets: Sequence[MigrationSet],
        stands_for: LedgerError | None,
        ending: ExitStack,
    ) -> Store:
        create(path)
        connection = connect(path)
        ending.callback(connection.close)
        lock_file = os.open(lock_path(path), os.O_RDWR | os.O_CLOEXEC)
        ending.callback(os.close, lock_file)
        migrations.pending(connection, sets)
        log_sync = LogSync(path)
        ending.callback(log_sync.close)
        return cls(path, connection, lock_file, log_sync, stands_for)

    @property
    def unfit(self) -> LedgerError | None:
        """Why no money may be spent on the word of this database; None where it may.

        It is asked before each hold: three looks at the file system. Inside a transaction it
        knows, too, whether an older copy was put into the same file: money asks there again.
        """
        if self.stands_for:
            return self.stands_for
        now, sight = fitness.statuses(self.path), self._writers.sight
        if now and sight and sight.has_shrunk(now[0]):
            self._writers.younger = True
        same = now is not None and fitness.identity(now) == self._identity
        return fitness.replaced(self.path) if self._writers.younger or not same else None

    def keep_witness(self) -> None:
        """Let the witness know of what was written since. A failure is logged."""
        with self._writers.still():
            if self._lock_file < 0 or self.stands_for or self.unfit:
                return
            try:
                self._write_witness()
            except (sqlite3.Error, OSError, LedgerError) as error:
                log.warning("the witness of %s could not be written: %s", self.path, error)

    def _write_witness(self) -> None:
        if self._state() in (None, self._witnessed):
            return
        sight = self._writers.sight
        with self._writers.turn():
            # Another process may have got further in the meantime.
            found, seen = self._state(), state.read_witness(self.path)
            if found is None or (sight and sight.behind(found, seen)):
                # It knows better than this: it is never taken back.
                self._writers.younger = True
                return
            if found != seen:
                # Others' commits are seen before they are on the disk: the witness is not ahead.
                self._log_sync.wait()
                state.write_witness(self.path, found)
        self._witnessed = found

    def _first_sight(self, witness: state.State | None) -> Sight | None:
        found = self._state()
        return Sight(found, witness) if found else None

    def _state(self) -> state.State | None:
        with self._writers.mutex:
            return state.read(self._connection)

    @property
    def is_open(self) -> bool:
        """Whether it was not closed yet."""
        return self._lock_file >= 0

    def save(self, target: Path) -> None:
        """Copy what this connection sees, also where its file has lost its name."""
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with self._writers.mutex, closing(sqlite3.connect(target)) as made:
            self._connection.backup(made)
            made.execute("PRAGMA journal_mode=DELETE")

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        with self._writers.still(), self._writers.mutex:
            if self._lock_file >= 0:
                self.keep_witness()
                self._lock_file = -1
                self._ending.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, durable: bool = True) -> AbstractContextManager[sqlite3.Connection]:
        """A write transaction: committed at the end, rolled back on an exception.

        Inside another one of the same thread it is a part of that one, which may fail alone.
        Raises BusyError where others write for longer than this thread has `patience`. What is
        not of money need not be `durable`: it is not synced.
        """
        return self._writers.write(durable)

    def joined(self) -> AbstractContextManager[sqlite3.Connection]:
        """`write`, but inside another one nothing is undone alone: for parts of one whole."""
        return self._writers.joined()

    def after_commit(self, work: Callable[[], object]) -> None:
        """Inside `write`: call `work` once all of it is committed, if it ever is."""
        self._writers.after_commit(work)

    def checkpoint_apart(self) -> None:
        """From now on no commit waits for a checkpoint; `checkpoint` is called now and then."""
        with self._writers.mutex:
            self._connection.execute("PRAGMA wal_autocheckpoint=0")

    def checkpoint(self) -> None:
        """Bring what was committed into the file, where that is worth the while."""
        if self._writers.commits < CHECKPOINT_COMMITS:
            return
        # In the writers' queue: a checkpoint never runs beside a commit.
        with self._writers.turn(), self._writers.mutex:
            self._writers.commits = 0
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def between_writes(self, action: Callable[[], object]) -> None:
        """Call `action` while no transaction of this process is open, nor waits for its turn."""
        with self._writers.still(), self._writers.mutex:
            action()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection for several queries, without a transaction around them."""
        with self._writers.mutex:
            yield self._connection

    def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query; read at once, so that no snapshot stays open."""
        with self._writers.mutex:
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def empty_log(self) -> bool:
        """Bring all into the file and empty the log beside it; False while others read.

        What was purged is in the log until then.
        """
        for _ in range(EMPTYING_TRIES):
            # In the writers' queue: a checkpoint never runs beside a commit.
            with self._writers.turn(), self._writers.mutex:
                emptied = empties_log(self._connection)
            if emptied:
                return True
            time.sleep(0.05)
        return False

    def _migrate(self, sets: Sequence[MigrationSet]) -> None:
        for group in migrations.pending(self._connection, sets):
            try:
                with self.write() as connection:
                    # Looked at again: another session may have migrated while we waited.
                    migrations.apply(connection, migrations.pending(connection, [group]))
            except Exception:
                if group is sets[0]:
                    raise
                # A module without its tables fails at its hooks, alone; core goes on.
                log.exception("the tables of %s could not be made", group.name)


def unusable(path: Path, error: Exception) -> LedgerError:
    """What SQLite or the system said, as an error for the user."""
    # What the system refuses is an OperationalError, what SQLite cannot read is not.
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        do = f"{state.RESTORE}; the damaged file is kept"
        return LedgerError(f"the database {path} is damaged", str(error), do)
    do = f"check free space and permissions; if it is damaged: {state.RESTORE}"
    return LedgerError(f"cannot use the database {path}", str(error), do)


def _refuse(problem: LedgerError | None) -> None:
    if problem:
        raise problem
