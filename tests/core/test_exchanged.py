"""An older copy that is put into the file of a database in use, and a home that lost all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from lodestar.errors import LedgerError
from lodestar.paths import Home
from lodestar.store import backup, journal, restore, state
from lodestar.store.schema import CORE
from lodestar.store.store import Store


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    with Store.open(home.database, [CORE]) as store:
        spend(store)
    return home


def spend(store: Store, times: int = 1) -> None:
    for _ in range(times):
        with store.write() as connection:
            state.bump(connection)


def copied_over(store: Store, old: Path) -> None:
    """What `cp old usage.db` does to a database whose log was emptied before."""
    store.empty_log()
    inode = os.stat(store.path).st_ino
    shutil.copyfile(old, store.path)
    assert os.stat(store.path).st_ino == inode


def test_an_older_copy_in_the_same_file_closes_paid_work_inside_the_transaction(
    home: Home,
) -> None:
    old = backup.back_up(home.database, home.folder("backup") / "old.db")
    with Store.open(home.database, [CORE]) as store:
        spend(store, 3)
        store.keep_witness()
        assert store.unfit is None
        copied_over(store, old)
        store.unfit  # noqa: B018 (asked before each hold)
        with store.write():
            assert store.unfit
            assert "exchanged while it was in use" in store.unfit.what


def test_another_process_notices_it_too(home: Home) -> None:
    old = backup.back_up(home.database, home.folder("backup") / "old.db")
    with Store.open(home.database, [CORE]) as mine, Store.open(home.database, [CORE]) as other:
        spend(mine, 3)
        with other.write():
            assert other.unfit is None
        copied_over(mine, old)
        with other.write() as connection:
            connection.execute("INSERT INTO projects VALUES ('P', '/p', 'p', 1)")
        with mine.write():
            assert mine.unfit


def test_the_witness_is_never_taken_back(home: Home) -> None:
    old = backup.back_up(home.database, home.folder("backup") / "old.db")
    with Store.open(home.database, [CORE]) as store:
        spend(store, 3)
        store.keep_witness()
        before = state.read_witness(home.database)
        copied_over(store, old)
        spend(store)
        store.keep_witness()
        assert state.read_witness(home.database) == before
    assert state.read_witness(home.database) == before


def test_a_witness_that_knows_better_closes_paid_work(home: Home) -> None:
    with Store.open(home.database, [CORE]) as store:
        found = state.read_witness(home.database)
        assert found
        better = state.State(found.instance_id, found.sequence + 9, found.schema)
        state.write_witness(home.database, better)
        spend(store)
        store.keep_witness()
        assert store.unfit
        assert state.read_witness(home.database) == better


def test_what_other_processes_write_is_no_exchange(home: Home) -> None:
    with Store.open(home.database, [CORE]) as mine, Store.open(home.database, [CORE]) as other:
        for store in (mine, other) * 3:
            spend(store, 2)
            store.empty_log()
            store.keep_witness()
            assert mine.unfit is None
            assert other.unfit is None


@pytest.mark.parametrize("left", ["journal", "backup"])
def test_a_home_that_lost_database_and_witness_does_not_start_from_zero(
    left: str, home: Home
) -> None:
    if left == "journal":
        journal.append(home, "charges", {"id": "C1"})
    else:
        backup.back_up(home.database, backup.today(home, None))
    for path in home.root.glob("usage.db*"):
        path.unlink()
    state.witness_path(home.database).unlink()
    with pytest.raises(LedgerError, match="is gone") as error:
        Store.open(home.database, [CORE])
    assert "lodestar data restore" in error.value.do
    assert "lodestar data reset --accept" in error.value.do
    assert not home.database.exists()
    restore.reset(home, [CORE])
    Store.open(home.database, [CORE]).close()


def test_an_empty_database_beside_a_journal_is_no_first_run(home: Home) -> None:
    journal.append(home, "charges", {"id": "C1"})
    os.truncate(home.database, 0)
    state.witness_path(home.database).unlink()
    with pytest.raises(LedgerError, match="is empty"):
        Store.open(home.database, [CORE])


def test_the_way_out_of_a_damaged_witness_does_not_lead_from_zero(home: Home) -> None:
    state.witness_path(home.database).write_text(json.dumps({"instance_id": 1}))
    with pytest.raises(LedgerError, match="cannot be read") as error:
        Store.open(home.database, [CORE])
    assert "rm " not in error.value.do
    assert "lodestar data restore --from" in error.value.do
    restore.restore(home, restore.plan(home, home.database), [CORE])
    with Store.open(home.database, [CORE]) as store:
        assert store.row("SELECT value FROM store_state WHERE key = 'origin'")
    state.witness_path(home.database).write_text("{")
    home.database.unlink()
    with pytest.raises(LedgerError, match="cannot be read") as error:
        Store.open(home.database, [CORE])
    assert "--from" not in error.value.do
    assert "lodestar data reset --accept" in error.value.do
