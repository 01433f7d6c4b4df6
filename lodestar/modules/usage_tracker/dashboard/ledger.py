"""The dashboard's own look at the database: it cannot write, and holds nothing between looks."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lodestar.errors import LedgerError
from lodestar.store.store import unusable

BUSY_S = 0.5
"""So long a look waits for somebody who exchanges or recovers the database."""
_PRAGMAS = ("query_only=ON", "trusted_schema=OFF", "mmap_size=0")


class Ledger:
    """A connection that reads; it is opened when it is needed, and again after a failure.

    `prepare` is called before the first opening: it makes tables that are not there yet.
    """

    def __init__(self, path: Path, prepare: Callable[[], object]) -> None:
        self._path = path
        self._prepare = prepare
        self._prepared = False
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def version(self) -> tuple[int, int, int]:
        """Changes with each commit of others, and with another file. Raises LedgerError."""
        with self._said(), self._open() as connection:
            (number,) = connection.execute("PRAGMA data_version").fetchone()
            return (*(self._file or (0, 0)), int(number))

    @contextmanager
    def look(self) -> Iterator[Glance]:
        """All that is read in here is of one moment; nothing is locked after it.

        Raises LedgerError.
        """
        with self._said(), self._open() as connection:
            connection.execute("BEGIN")
            try:
                yield Glance(connection)
            finally:
                # What failed so badly that SQLite ended it is over already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection; the next look opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            with suppress(sqlite3.Error):
                self.close()
            raise unusable(self._path, error) from error
        except LedgerError:
            self.close()
            raise

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if not self._prepared:
            self._prepare()
            self._prepared = True
        # A restore puts another file in its place.
        status = os.stat(self._path)
        file = (status.st_dev, status.st_ino)
        if self._connection is None or file != self._file:
            self.close()
            self._connection, self._file = _connect(self._path), file
        yield self._connection


class Glance:
    """What is read within one look."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection for several queries."""
        yield self.connection

    def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        found = self.connection.execute(sql, parameters).fetchone()
        return found if isinstance(found, sqlite3.Row) else None


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection
