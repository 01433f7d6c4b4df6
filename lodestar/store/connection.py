"""One SQLite connection as Lodestar needs it, and the queue of its writers."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from lodestar.errors import LedgerError, LodestarError
from lodestar.paths import tighten

LOCK_TIMEOUT_S = 20.0
PATIENCE_S = 2.0
"""Other commands are over by then; a session is not."""
PRAGMAS = (
    # The log is synced after each commit that must last, when the lock is given back: log_sync.py.
    *("synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON", "trusted_schema=OFF"),
    *("mmap_size=0", "journal_size_limit=16777216"),
)


def lock_path(path: Path) -> Path:
    """The file on which the writers of a database queue."""
    return path.with_name(path.name + ".lock")


@contextmanager
def queued(path: Path, kind: int, patience_s: float, busy: LedgerError) -> Iterator[None]:
    """A lock on a file of its own for as long as this lasts; `busy` is raised without it."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(handle, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise busy from None
                time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def in_use(path: Path) -> AbstractContextManager[None]:
    """Held by everybody who has the database open: it is not exchanged under them."""
    busy = LedgerError(
        f"the database {path} is being restored", "another process has it", "try again in a moment"
    )
    return queued(_users_path(path), fcntl.LOCK_SH, LOCK_TIMEOUT_S, busy)


def alone(path: Path) -> AbstractContextManager[None]:
    """Held by who exchanges the database. Raises LedgerError while somebody has it open."""
    busy = LedgerError(
        f"the database {path} is in use",
        "a session or another command of Lodestar has it open",
        "end all sessions, then run this again",
    )
    return queued(_users_path(path), fcntl.LOCK_EX, PATIENCE_S, busy)


def _users_path(path: Path) -> Path:
    return path.with_name(path.name + ".users")


def create(path: Path) -> None:
    """Make the files of a database that are not there, private whatever the umask.

    A database is never opened but by SQLite: closing it would drop the locks of this process.
    A file that `O_EXCL` has just made has none.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in (path, lock_path(path)):
        with suppress(FileExistsError):
            flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
            os.close(os.open(file, flags, 0o600))
        try:
            tighten(file)
        except LodestarError as error:
            # Nothing of money in a file that others may read; what is free has a stand-in.
            raise LedgerError(error.what, error.why, error.do) from error


def connect(path: Path) -> sqlite3.Connection:
    """A connection in WAL mode, which is checked."""
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        mode = _set_wal(connection)
        if mode != "wal":
            refused = f"journal mode is {mode}: write-ahead logging was refused"
            raise sqlite3.OperationalError(refused)
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def begins(connection: sqlite3.Connection) -> bool:
    """Begin a transaction at once; False where somebody else has SQLite's lock."""
    connection.execute("PRAGMA busy_timeout=0")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    finally:
        connection.execute(_WAITING)
    return True


def empties_log(connection: sqlite3.Connection) -> bool:
    """Bring all into the file and empty the log beside it; False where somebody reads."""
    connection.execute("PRAGMA busy_timeout=20")
    try:
        return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        connection.execute(_WAITING)


_WAITING = "PRAGMA busy_timeout=10000"


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
def unstopped() -> Iterator[None]:
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
