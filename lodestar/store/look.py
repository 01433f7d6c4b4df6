"""A look at the database from outside: nothing is made, changed or repaired."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from lodestar.errors import LedgerError
from lodestar.store import fitness, migrations, state
from lodestar.store.fitness import MOUNTS
from lodestar.store.migrations import MigrationSet
from lodestar.store.store import unusable

CLOSED = "paid models are closed, free ones work"


@contextmanager
def read_only(path: Path, fixed: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write to the database; `fixed`: nor make a file beside it.

    A database that somebody may have open is not fixed.
    """
    uri = f"file:{quote(str(path))}?mode=ro{'&immutable=1' if fixed else ''}"
    connection = sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        yield connection
    finally:
        connection.close()


def problem(
    path: Path, sets: Sequence[MigrationSet] = (), whole: bool = False, mounts: Path = MOUNTS
) -> LedgerError | None:
    """Why opening the database would be refused; None where it would not, or there is none yet."""
    try:
        witness = state.read_witness(path)
        found = state.missing(path, witness) or fitness.misplaced(path, mounts)
        if found or not path.exists() or (not path.stat().st_size and witness is None):
            return found
        with read_only(path) as connection:
            found = fitness.damaged(connection, path, whole)
            migrations.pending(connection, sets)
            return found or state.mismatch(path, state.read(connection), witness)
    except LedgerError as error:
        return error
    except (sqlite3.Error, OSError) as error:
        return unusable(path, error)


def warning(database: Path) -> LedgerError | None:
    """What to tell the user before a session whose database cannot be used."""
    found = problem(database)
    return found and LedgerError(f"{found.what}; {CLOSED}", found.why, found.do)
