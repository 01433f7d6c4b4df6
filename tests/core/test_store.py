"""The database survives what happens to it: races, kills, damage, newer versions."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lodestar.errors import LedgerError
from lodestar.paths import Home, lodestar_home
from lodestar.store.exchanges import open_attempt, open_exchange
from lodestar.store.migrations import MigrationSet
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, end_session, start_session, sweep_dead
from lodestar.store.store import Store
from tests.fakes.values import a_request, a_route

OPEN_AT_ONCE = """
import pathlib, sys
from lodestar.paths import Home
from lodestar.plugins import Plugins
from lodestar.settings import Settings
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
sets = [CORE, *Plugins.load(Settings()).collect("register_migrations")]
for line in sys.stdin:
    home = Home(pathlib.Path(line.strip()))
    with Store.open(home.database, sets) as store:
        for n in range(5):
            session = Session(f"{n}-{sys.argv[1]}", home.root, "default", None, 1)
            start_session(store, home, session)
    print("done", flush=True)
"""

HOLD_OPEN = """
import os, pathlib, sys
from lodestar.paths import Home
from lodestar.store.exchanges import open_attempt, open_exchange
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.fakes.values import a_request, a_route
home = Home(pathlib.Path(sys.argv[1]))
with Store.open(home.database, [CORE]) as store:
    start_session(store, home, Session("S1", None, "default", None, os.getpid()))
    request = a_request()
    open_exchange(store, request, [("user", "hello", 5)])
    open_attempt(store, "A1", request, a_route(), 1)
    with store.write() as connection:
        connection.execute("UPDATE sessions SET profile = 'half-done'")
        print("open", flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return lodestar_home({"LODESTAR_HOME": str(tmp_path / "home")})


def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    """Six processes, five rounds, each on an empty home of its own."""
    command = [sys.executable, "-c", OPEN_AT_ONCE]
    workers = [
        subprocess.Popen(
            [*command, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for n in range(6)
    ]
    try:
        for number in range(5):
            root = tmp_path / f"home{number}"
            for worker in workers:
                print(root, file=worker.stdin, flush=True)
            assert [worker.stdout.readline() for worker in workers if worker.stdout] == [
                "done\n"
            ] * 6
            with Store.open(root / "usage.db") as store:
                steps = store.rows("SELECT migration_set, name FROM _sqlite_migrations")
                assert len({tuple(step) for step in steps}) == len(steps)
                assert {"core", "usage_tracker", "health_monitor"} <= {step[0] for step in steps}
                assert store.rows("SELECT count(*) FROM sessions")[0][0] == 30
                assert store.rows("SELECT count(*) FROM projects")[0][0] == 1
    finally:
        codes = [_ended(worker) for worker in workers]
    assert codes == [0] * 6


def _ended(worker: subprocess.Popen[str]) -> int:
    worker.communicate(timeout=30)
    return worker.returncode


def test_a_kill_in_the_middle_rolls_back_and_the_sweep_marks_what_was_open(home: Home) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD_OPEN, str(home.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    assert child.stdout.readline() == "open\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    with Store.open(home.database, [CORE]) as store:
        assert sweep_dead(store) == 1
        assert sweep_dead(store) == 0
        session = store.rows("SELECT * FROM sessions")[0]
        assert (session["profile"], session["end_reason"]) == ("default", "killed")
        assert store.rows("SELECT status FROM exchanges")[0][0] == "killed"
        assert store.rows("SELECT status FROM attempts")[0][0] == "killed"
        assert store.rows("PRAGMA integrity_check")[0][0] == "ok"


def test_a_living_session_is_not_swept(home: Home) -> None:
    with Store.open(home.database, [CORE]) as store:
        start_session(store, home, Session("S1", None, "default", None, os.getpid()))
        assert sweep_dead(store) == 0
        end_session(store, "S1", "ended", 0)
        assert store.rows("SELECT end_reason FROM sessions")[0][0] == "ended"


def test_a_session_of_an_earlier_boot_is_dead(home: Home) -> None:
    with Store.open(home.database, [CORE]) as store:
        start_session(store, home, Session("S1", None, "default", None, os.getpid()))
        with store.write() as connection:
            connection.execute("UPDATE sessions SET boot_id = 'an earlier one'")
        assert sweep_dead(store) == 1


def test_a_database_from_a_newer_version_is_refused(home: Home) -> None:
    newer = MigrationSet("core", [*CORE.steps, ("from_the_future", lambda connection: None)])
    Store.open(home.database, [newer]).close()
    with pytest.raises(LedgerError, match="newer than this Lodestar") as error:
        Store.open(home.database, [CORE])
    assert error.value.exit_code == 7
    assert "from_the_future" in error.value.what
    assert error.value.do


def test_a_damaged_file_is_refused_and_left_as_it_is(home: Home) -> None:
    Store.open(home.database, [CORE]).close()
    home.database.write_bytes(b"this was a database once" * 500)
    before = home.database.read_bytes()
    with pytest.raises(LedgerError, match="is damaged") as error:
        Store.open(home.database, [CORE])
    assert error.value.exit_code == 7
    assert "not a database" in error.value.why
    assert home.database.read_bytes() == before


def test_a_folder_in_place_of_the_database_is_refused(home: Home) -> None:
    home.database.mkdir()
    with pytest.raises(LedgerError):
        Store.open(home.database, [CORE])


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_all_files_are_private_whatever_the_umask(home: Home, mask: int) -> None:
    before = os.umask(mask)
    try:
        with Store.open(home.database, [CORE]) as store:
            start_session(store, home, Session("S1", None, "default", None, os.getpid()))
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in home.root.iterdir()}
    finally:
        os.umask(before)
    assert {"usage.db", "usage.db-wal", "usage.db-shm", "usage.db.lock"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700


@pytest.fixture
def numbers(tmp_path: Path) -> Store:
    """A store with one table of numbers."""
    step = ("create", lambda connection: connection.execute("CREATE TABLE numbers(n INTEGER)"))
    return Store.open(tmp_path / "numbers.db", [MigrationSet("test", [step])])


def count(store: Store) -> int:
    return int(store.rows("SELECT count(*) FROM numbers")[0][0])


def insert_and_fail(store: Store, nested: bool = False) -> None:
    with store.write() as connection:
        connection.execute("INSERT INTO numbers VALUES (1)")
        if nested:
            with store.write() as inner:
                inner.execute("INSERT INTO numbers VALUES (2)")
        raise ValueError("on purpose")


def test_a_write_is_undone_where_it_fails(numbers: Store) -> None:
    with numbers, pytest.raises(ValueError, match="on purpose"):
        insert_and_fail(numbers)
    with Store.open(numbers.path) as again:
        assert count(again) == 0


def test_the_store_works_on_after_a_failed_write(numbers: Store) -> None:
    with numbers:
        with pytest.raises(sqlite3.OperationalError), numbers.write() as connection:
            connection.execute("INSERT INTO nowhere VALUES (1)")
        with numbers.write() as connection:
            connection.execute("INSERT INTO numbers VALUES (1)")
        assert count(numbers) == 1


def test_a_write_inside_a_write_joins_it(numbers: Store) -> None:
    with numbers:
        with pytest.raises(ValueError, match="on purpose"):
            insert_and_fail(numbers, nested=True)
        assert count(numbers) == 0


def test_threads_take_turns(numbers: Store) -> None:
    def add() -> None:
        for _ in range(25):
            with numbers.write() as connection:
                (n,) = connection.execute("SELECT count(*) FROM numbers").fetchone()
                connection.execute("INSERT INTO numbers VALUES (?)", (n,))

    with numbers:
        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen = [row[0] for row in numbers.rows("SELECT n FROM numbers ORDER BY n")]
    assert seen == list(range(100))


def test_closing_twice_does_no_harm(numbers: Store) -> None:
    numbers.close()
    numbers.close()


def test_the_pragmas_are_those_that_keep_committed_money(numbers: Store) -> None:
    with numbers:
        found = {
            name: numbers.rows(f"PRAGMA {name}")[0][0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    # NORMAL: the store syncs each commit itself, when it has given the lock back.
    assert found == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "secure_delete": 1}


def test_a_message_that_is_sent_again_is_stored_once(home: Home) -> None:
    with Store.open(home.database, [CORE]) as store:
        start_session(store, home, Session("S1", None, "default", None, os.getpid()))
        for _ in range(3):
            request = a_request()
            open_exchange(store, request, [("system", "you are", 7), ("user", "hello", 5)])
            open_attempt(store, request.id, request, a_route(), 1)
        assert store.rows("SELECT count(*) FROM messages")[0][0] == 2
        assert store.rows("SELECT count(*) FROM exchange_messages")[0][0] == 6
