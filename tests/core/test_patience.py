"""Another program keeps SQLite's lock: money waits for it, bookkeeping does not, reads go on."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lodestar.store import patience, writers
from lodestar.store.patience import BusyError, brief
from lodestar.store.schema import CORE
from lodestar.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home" / "usage.db", [CORE]) as store:
        yield store


@pytest.fixture
def intruder(store: Store) -> Iterator[sqlite3.Connection]:
    """A program that does not queue, and is in a transaction."""
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def seconds(store: Store) -> float:
    """What a brief write took that did not get in."""
    began = time.monotonic()
    with brief(), pytest.raises(BusyError), store.write():
        pass
    return time.monotonic() - began


def test_bookkeeping_gives_up_soon_and_then_at_once(
    store: Store, intruder: sqlite3.Connection
) -> None:
    assert seconds(store) >= patience.BRIEF_S
    assert sum(seconds(store) for _ in range(5)) < 4 * patience.BRIEF_S
    intruder.execute("ROLLBACK")
    with brief(), store.write() as connection:
        connection.execute("INSERT INTO projects VALUES ('P', '/p', 'p', 1)")
    assert store.row("SELECT id FROM projects")


def test_reading_and_bookkeeping_go_on_while_money_waits(
    store: Store, intruder: sqlite3.Connection
) -> None:
    waiting, done = threading.Event(), threading.Event()

    def pay() -> None:
        waiting.set()
        with store.write() as connection:
            connection.execute("INSERT INTO projects VALUES ('P', '/p', 'p', 1)")
        done.set()

    payer = threading.Thread(target=pay)
    payer.start()
    assert waiting.wait(10)
    time.sleep(0.2)
    began = time.monotonic()
    for _ in range(20):
        assert store.row("SELECT count(*) FROM projects")[0] == 0
    assert seconds(store) < 5
    assert not done.is_set()
    assert time.monotonic() - began < writers.FOREIGN_S - 2
    intruder.execute("ROLLBACK")
    payer.join(20)
    assert done.is_set()


def test_a_write_of_ones_own_is_read_within_it(store: Store) -> None:
    with store.write() as connection:
        connection.execute("INSERT INTO projects VALUES ('P', '/p', 'p', 1)")
        assert store.row("SELECT id FROM projects")
