"""Backups are whole or are not there, and a database comes back from them with its journal."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from lodestar.clock import now_ms
from lodestar.errors import LedgerError
from lodestar.paths import Home
from lodestar.settings import Settings
from lodestar.store import backup, journal, restore, state
from lodestar.store.daily import once_a_day
from lodestar.store.migrations import MigrationSet
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.fakes import ledgers

MONEY = MigrationSet(
    "money",
    (
        (
            "create",
            lambda connection: connection.execute(
                "CREATE TABLE charges(id TEXT PRIMARY KEY, cash_nano INTEGER NOT NULL,"
                " session_id TEXT REFERENCES sessions(id))"
            ),
        ),
    ),
)
SETS = (CORE, MONEY)
BACK_UP = """
import pathlib, sys
from lodestar.paths import Home
from lodestar.store.backup import back_up
home = Home(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
while True:
    back_up(home.database, home.root / "backup" / "usage-2026-01-01.db")
    print("done", flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose database has some pages."""
    home = Home(tmp_path / "home")
    Store.open(home.database, SETS).close()
    ledgers.grow(home.database)
    home.folder("backup")
    return home


def charge(home: Home, id: str, cash: int = 5, journal_only: bool = False) -> None:
    """A charge as the ledger makes it: committed, then written to the journal."""
    row = {"id": id, "cash_nano": cash, "session_id": None}
    if not journal_only:
        with Store.open(home.database, SETS) as store, store.write() as connection:
            connection.execute("INSERT INTO charges VALUES (:id, :cash_nano, :session_id)", row)
            state.bump(connection)
    assert journal.append(home, "charges", row)


def charges(home: Home) -> dict[str, int]:
    with Store.open(home.database, SETS) as store:
        return {row["id"]: row["cash_nano"] for row in store.rows("SELECT * FROM charges")}


def daily(home: Home, settings: Settings | None = None) -> bool:
    with Store.open(home.database, SETS) as store:
        return once_a_day(home, store, settings or Settings(), SETS)


@pytest.mark.parametrize("rounds", [15, pytest.param(50, marks=pytest.mark.slow)])
def test_a_kill_in_the_middle_leaves_the_last_good_backup(rounds: int, home: Home) -> None:
    """Again and again, at whatever point the copy has got to."""
    target = home.root / "backup" / "usage-2026-01-01.db"
    backup.back_up(home.database, target)
    cut_off = 0
    for number in range(rounds):
        command = [sys.executable, "-c", BACK_UP, str(home.root)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            threading.Event().wait(number / rounds / 50)
            process.kill()
        cut_off += target.with_name(target.name + ".tmp").exists()
        assert backup.is_good(target)
        assert backup.backups(home) == [target]
    assert cut_off, "no kill came in the middle"
    assert restore.plan(home).source == target
    backup.back_up(home.database, target)
    assert not list(home.root.glob("backup/*.tmp*"))


def test_a_backup_of_a_database_in_use_is_consistent(home: Home) -> None:
    stopping = threading.Event()
    with Store.open(home.database, SETS) as store:

        def write() -> None:
            for n in range(100_000):
                if stopping.is_set():
                    return
                with store.write() as connection:
                    # Two rows that belong together.
                    connection.execute("INSERT INTO charges VALUES (?, 1, NULL)", (f"a{n}",))
                    connection.execute("INSERT INTO charges VALUES (?, 1, NULL)", (f"b{n}",))

        thread = threading.Thread(target=write)
        thread.start()
        try:
            for number in range(5):
                path = backup.back_up(home.database, home.root / "backup" / f"usage-{number}.db")
                with closing(sqlite3.connect(path)) as connection:
                    sql = "SELECT count(*) FROM charges WHERE id LIKE ?"
                    pair = [connection.execute(sql, (f"{x}%",)).fetchone()[0] for x in "ab"]
                    assert pair[0] == pair[1]
        finally:
            stopping.set()
            thread.join()


def test_a_damaged_database_makes_no_backup(home: Home) -> None:
    target = home.root / "backup" / "usage-2026-01-01.db"
    backup.back_up(home.database, target)
    before = target.read_bytes()
    ledgers.overwritten(home.database)
    with pytest.raises((LedgerError, sqlite3.DatabaseError)):
        backup.back_up(home.database, target)
    assert target.read_bytes() == before
    assert not list(home.root.glob("backup/*.tmp*"))


def test_one_backup_a_day_and_seven_in_all(home: Home) -> None:
    for day in range(1, 10):
        (home.root / "backup" / f"usage-2026-01-{day:02}.db").write_bytes(b"old")
    assert daily(home)
    assert not daily(home)
    names = [path.name for path in backup.backups(home)]
    assert len(names) == 7
    assert names[-1] == "usage-2026-01-04.db"


def test_sessions_that_start_at_once_make_one_backup(home: Home) -> None:
    program = (
        "import pathlib, sys; from lodestar.paths import Home;"
        "from lodestar.settings import Settings; from lodestar.store.daily import once_a_day;"
        "from lodestar.store.schema import CORE; from lodestar.store.store import Store;"
        "home = Home(pathlib.Path(sys.argv[1])); store = Store.open(home.database, [CORE]);"
        "sys.stdin.readline(); print(once_a_day(home, store, Settings(), [CORE])); store.close()"
    )
    command = [sys.executable, "-c", program, str(home.root)]
    pipe = subprocess.PIPE
    workers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    said = [worker.communicate("go\n", timeout=60)[0].strip() for worker in workers]
    assert sorted(said) == ["False", "False", "False", "True"]


@pytest.mark.parametrize("disaster", ledgers.DISASTERS, ids=lambda one: one.__name__)
def test_a_restore_brings_back_the_backup_and_what_the_journal_knows(
    disaster: ledgers.Disaster, home: Home
) -> None:
    charge(home, "before")
    assert daily(home)
    charge(home, "after", 7)
    charge(home, "after", 7, journal_only=True)
    spent, witness = charges(home), state.read_witness(home.database)
    disaster(home.database)
    done = restore.restore(home, restore.plan(home), SETS)
    assert charges(home) == spent == {"before": 5, "after": 7}
    assert done.replayed == 1
    now = state.read_witness(home.database)
    assert now
    assert witness
    assert now.instance_id == witness.instance_id
    assert now.sequence > witness.sequence
    if disaster is not ledgers.deleted:
        assert done.aside
        assert done.aside.is_symlink() or done.aside.exists()


def test_a_damaged_backup_is_passed_over(home: Home) -> None:
    charge(home, "a")
    older = home.root / "backup" / "usage-2026-01-01.db"
    backup.back_up(home.database, older)
    newer = home.root / "backup" / "usage-2026-01-02.db"
    newer.write_bytes(b"\xa5" * 9000)
    found = restore.plan(home)
    assert (found.source, found.bad) == (older, (newer,))


def test_without_a_backup_the_journal_alone_keeps_what_was_spent(home: Home) -> None:
    charge(home, "a", 5)
    charge(home, "b", 6)
    ledgers.deleted(home.database)
    restore.restore(home, restore.plan(home), SETS)
    assert charges(home) == {"a": 5, "b": 6}


def test_with_nothing_to_restore_from_the_way_out_is_named(home: Home) -> None:
    with pytest.raises(LedgerError, match="no sound backup") as error:
        restore.plan(home)
    assert "reset --accept" in error.value.do


def test_a_reference_to_what_the_backup_lacks_is_left_out(home: Home) -> None:
    assert daily(home)
    journal.append(home, "charges", {"id": "a", "cash_nano": 5, "session_id": "unknown"})
    journal.append(home, "no_such_table", {"id": "b"})
    assert restore.restore(home, restore.plan(home), SETS).replayed == 1
    with Store.open(home.database, SETS) as store:
        assert store.rows("PRAGMA foreign_key_check") == []
        assert store.rows("SELECT session_id FROM charges")[0][0] is None


def test_a_module_puts_its_own_rows_back(home: Home) -> None:
    seen = []

    def take(connection: sqlite3.Connection, table: str, row: object) -> bool | None:
        seen.append(row)
        return True if table == "charges" else None

    sets = (CORE, MigrationSet("money", MONEY.steps, replay=take))
    charge(home, "a", journal_only=True)
    assert restore.restore(home, restore.plan(home), sets).replayed == 1
    assert len(seen) == 1
    assert charges(home) == {}


def test_nothing_is_exchanged_under_a_session(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lodestar.store.connection.PATIENCE_S", 0.1)
    assert daily(home)
    with Store.open(home.database, SETS) as store:
        with pytest.raises(LedgerError, match="in use"):
            restore.restore(home, restore.plan(home), SETS)
        with pytest.raises(LedgerError, match="in use"):
            restore.reset(home, SETS)
        assert store.unfit is None


def test_a_restore_that_fails_leaves_what_was_there(home: Home) -> None:
    assert daily(home)

    def fail(connection: sqlite3.Connection, table: str, row: object) -> bool | None:
        raise sqlite3.OperationalError("on purpose")

    charge(home, "a", journal_only=True)
    before = home.database.read_bytes()
    plan, sets = restore.plan(home), (CORE, MigrationSet("money", MONEY.steps, replay=fail))
    with pytest.raises(sqlite3.OperationalError):
        restore.restore(home, plan, sets)
    assert home.database.read_bytes() == before
    assert charges(home) == {}
    assert not list(home.root.glob("usage.db.new*"))


def test_a_new_beginning_is_noted_and_keeps_the_old_files(home: Home) -> None:
    charge(home, "a")
    before = state.read_witness(home.database)
    aside = restore.reset(home, SETS).aside
    assert charges(home) == {}
    assert aside
    with closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("SELECT id FROM charges").fetchall() == [("a",)]
    now = state.read_witness(home.database)
    assert now
    assert before
    assert now.instance_id != before.instance_id
    with Store.open(home.database, SETS) as store:
        origin = json.loads(state.facts(store._connection)["origin"])
    assert origin["action"] == "reset"
    assert abs(origin["at_ms"] - now_ms()) < 600_000
