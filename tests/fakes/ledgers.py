"""Things that happen to a database between two sessions, each in the way it happens."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from lodestar.clock import now_ms
from lodestar.store import state
from lodestar.store.schema import CORE
from lodestar.store.store import Store

Disaster = Callable[[Path], None]


def grow(database: Path, rows: int = 400) -> None:
    """Some pages, and a change that must not be forgotten."""
    with Store.open(database, [CORE]) as store, store.write() as connection:
        values = [(f"{now_ms()}-{n}", f"text {n} " * 40, n) for n in range(rows)]
        connection.executemany("INSERT INTO messages VALUES (?, 'user', ?, ?)", values)
        state.bump(connection)


def deleted(database: Path) -> None:
    """Somebody tidied up."""
    for path in database.parent.glob("usage.db*"):
        path.unlink()


def truncated(database: Path) -> None:
    """A full disk, a broken sync: the file is there, and empty."""
    database.write_bytes(b"")


def cut_short(database: Path) -> None:
    """Half of it came back."""
    data = database.read_bytes()
    database.write_bytes(data[: len(data) // 2])


def header_zeroed(database: Path) -> None:
    """The first block of the file was lost."""
    data = database.read_bytes()
    database.write_bytes(bytes(512) + data[512:])


def overwritten(database: Path, pages: Iterable[int] = range(4, 10)) -> None:
    """Six pages in the middle hold something else."""
    data = bytearray(database.read_bytes())
    for page in pages:
        data[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
    database.write_bytes(bytes(data))


def older(database: Path) -> None:
    """A copy of before was put back by a tool that synchronises folders."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE store_state SET value = value - 1 WHERE key = 'sequence'")


def another(database: Path) -> None:
    """Somebody else's, or that of another machine."""
    elsewhere = database.parent / "elsewhere"
    Store.open(elsewhere / "usage.db", [CORE]).close()
    shutil.copy(elsewhere / "usage.db", database)
    shutil.rmtree(elsewhere)


def from_the_future(database: Path) -> None:
    """A newer Lodestar was here."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations(migration_set, name, applied_at)"
            " VALUES ('core', 'of_2031', '2031-01-01')"
        )


def linked(database: Path) -> None:
    """It was moved to another disk, and a link put in its place."""
    other = database.parent / "moved"
    other.mkdir()
    shutil.move(database, other / "usage.db")
    database.symlink_to(other / "usage.db")


DISASTERS: tuple[Disaster, ...] = (
    *(deleted, truncated, cut_short, header_zeroed, overwritten),
    *(older, another, from_the_future, linked),
)
