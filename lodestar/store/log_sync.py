"""Waiting until what was committed is on the disk, without keeping others from writing.

SQLite can sync its log at each commit; it does so while it holds the lock on the database. Here
the lock is given back first, so that the syncs of several processes overlap: a disk does many at
once in the time of one. What makes that safe:

- A commit is acknowledged after its own sync: `write` returns, and no byte goes to a provider.
- The log is valid up to its first gap, so a commit that is on the disk has all before it there,
  also those that its own process still waits for: nobody builds on what may be lost.
- SQLite syncs the log before it brings it into the file, and the file before it begins the log
  anew (`synchronous=NORMAL`): what is overwritten there is safe elsewhere.
- The log lives as long as any connection to the database does, and this process has one.

The log is opened by itself here. Closing it drops no lock: SQLite has its locks on the two other
files of a database.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

fdatasync = getattr(os, "fdatasync", os.fsync)


class LogSync:
    """The log of one open database. Threads that wait at the same time share a sync."""

    def __init__(self, database: Path) -> None:
        self._handle = os.open(f"{database}-wal", os.O_RDONLY | os.O_CLOEXEC)
        self._mutex = threading.Lock()
        self._committed = 0
        self._safe = 0

    def committed(self) -> int:
        """A commit was made; returns its number for `wait`. One thread at a time."""
        self._committed += 1
        return self._committed

    def wait(self, number: int | None = None) -> None:
        """Return when a commit is on the disk, or all so far. Raises sqlite3.OperationalError."""
        # Others' commits count, too: who asks for all of them may have seen them.
        with self._mutex:
            if number is not None and number <= self._safe:
                return
            reached = self._committed
            try:
                fdatasync(self._handle)
            except OSError as error:
                raise sqlite3.OperationalError(f"the log cannot be synced: {error}") from error
            self._safe = reached

    def close(self) -> None:
        """Sync what somebody may still wait for, and close the file."""
        with self._mutex:
            try:
                if self._safe < self._committed:
                    fdatasync(self._handle)
                    self._safe = self._committed
            finally:
                handle, self._handle = self._handle, -1
                os.close(handle)
