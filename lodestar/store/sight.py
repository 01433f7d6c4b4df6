"""How far an open database has been seen to come: one that is suddenly younger was exchanged.

Copying an old file over a database in use keeps its inode, so that looking at the files is not
enough. What is inside is looked at in each transaction.
"""

from __future__ import annotations

import os
import sqlite3

from lodestar.store.state import State

_SQL = (
    "SELECT i.value, s.value FROM store_state i, store_state s"
    " WHERE i.key = 'instance_id' AND s.key = 'sequence'"
)


class Sight:
    """The highest number of changes that was seen, of which database, and the file's last size."""

    def __init__(self, state: State, witness: State | None) -> None:
        self._instance = state.instance_id
        self._highest = max(state.sequence, witness.sequence if witness else 0)
        self._size = 0
        self._changed_ns = 0
        self._look_again = False

    def is_younger(self, connection: sqlite3.Connection) -> bool:
        """Whether the database knows less than it knew; asked when a transaction has begun."""
        found = self._read(connection)
        if found is None or found[0] != self._instance or found[1] < self._highest:
            return True
        self._highest = found[1]
        return False

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Before a transaction: what is remembered of a file that was written to may be wrong."""
        if self._look_again:
            self._look_again = False
            connection.execute("PRAGMA shrink_memory")

    def reached(self, connection: sqlite3.Connection) -> int:
        """How far the transaction brings it; asked before its commit, which may fail."""
        found = self._read(connection)
        return found[1] if found and found[0] == self._instance else 0

    def keep(self, reached: int) -> None:
        """Remember how far this process brought it; told after the commit."""
        self._highest = max(self._highest, reached)

    def behind(self, state: State, witness: State | None) -> bool:
        """Whether a state is not one that may follow what was seen, here or by the witness."""
        seen = [(self._instance, self._highest)]
        if witness:
            seen.append((witness.instance_id, witness.sequence))
        return any(state.instance_id != own or state.sequence < number for own, number in seen)

    def has_shrunk(self, status: os.stat_result) -> bool:
        """Whether the file was cut, which nothing of ours does to one in use."""
        if status.st_mtime_ns != self._changed_ns:
            # A checkpoint, or somebody who copied a file over it.
            self._changed_ns, self._look_again = status.st_mtime_ns, True
        shrunk = status.st_size < self._size
        self._size = max(self._size, status.st_size)
        return shrunk

    def _read(self, connection: sqlite3.Connection) -> tuple[str, int] | None:
        try:
            row = connection.execute(_SQL).fetchone()
            return (str(row[0]), int(row[1])) if row else None
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
                raise
            return None
