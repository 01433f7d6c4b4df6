"""A write is acknowledged when it is on the disk, and keeps nobody from writing until then."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lodestar.store import log_sync, state
from lodestar.store.schema import CORE
from lodestar.store.store import Store


class Disk:
    """Syncs that last until they are let go; `error` is what they then fail with."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self.calls = 0
        self.error: OSError | None = None

    def sync(self, handle: int) -> None:
        self.calls += 1
        self.begun.release()
        assert self.go.wait(30)
        if self.error:
            raise self.error
        os.fdatasync(handle)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Store.open(tmp_path / "usage.db", [CORE]).close()
    return tmp_path / "usage.db"


@pytest.fixture
def disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk()
    monkeypatch.setattr(log_sync, "fdatasync", made.sync)
    yield made
    made.go.set()


def change(store: Store) -> None:
    with store.write() as connection:
        state.bump(connection)


def sequence(store: Store) -> int:
    return int(store.rows("SELECT value FROM store_state WHERE key = 'sequence'")[0][0])


def test_others_write_while_a_sync_is_waited_for(path: Path, disk: Disk) -> None:
    with (
        Store.open(path, [CORE]) as one,
        Store.open(path, [CORE]) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        first = pool.submit(change, one)
        assert disk.begun.acquire(timeout=30)
        # Of another process, as far as locks are concerned.
        second = pool.submit(change, other)
        assert disk.begun.acquire(timeout=30)
        with one.write(durable=False) as connection:
            state.bump(connection)
        assert sequence(other) == 3
        assert not first.done()
        assert not second.done()
        disk.go.set()
        first.result(30)
        second.result(30)


def test_threads_of_a_process_share_a_sync(path: Path, disk: Disk) -> None:
    with Store.open(path, [CORE]) as store:
        before = disk.calls
        with ThreadPoolExecutor(9) as pool:
            first = pool.submit(change, store)
            assert disk.begun.acquire(timeout=30)
            rest = [pool.submit(change, store) for _ in range(8)]
            while sequence(store) < 9:
                threading.Event().wait(0.01)
            disk.go.set()
            for one in (first, *rest):
                one.result(30)
        # The first one's own; what was committed meanwhile has one more, rarely two.
        assert disk.calls - before <= 3


def test_a_sync_that_fails_is_not_an_acknowledged_write(path: Path, disk: Disk) -> None:
    disk.go.set()
    with Store.open(path, [CORE]) as store:
        disk.error = OSError(errno.EIO, os.strerror(errno.EIO))
        after = []
        with pytest.raises(sqlite3.OperationalError, match="cannot be synced"), store.write():
            store.after_commit(lambda: after.append(1))
        # Committed it is: what belongs to it is done, and its owner knows of it.
        assert after == [1]
        disk.error = None
        change(store)
        calls = disk.calls
        with store.write(durable=False) as connection:
            state.bump(connection)
        assert disk.calls == calls


def test_the_witness_is_never_ahead_of_the_disk(
    path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may see what another process has committed and still waits for."""
    seen = []
    real = state.write_witness
    disk.go.set()
    with Store.open(path, [CORE]) as one, Store.open(path, [CORE]) as other:
        disk.go.clear()
        with ThreadPoolExecutor(2) as pool:
            waits = pool.submit(change, one)
            assert disk.begun.acquire(timeout=30)
            monkeypatch.setattr(
                state, "write_witness", lambda *what: (seen.append(what[1]), real(*what))
            )
            kept = pool.submit(other.keep_witness)
            assert disk.begun.acquire(timeout=30)
            assert seen == []
            disk.go.set()
            kept.result(30)
            waits.result(30)
        assert [found.sequence for found in seen] == [1]
