"""Each owner's steps run once, in order, all or none."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lodestar.errors import LedgerError
from lodestar.store.migrations import MigrationSet, Step
from lodestar.store.store import Store


def create(name: str) -> tuple[str, Step]:
    def step(connection: sqlite3.Connection) -> None:
        connection.execute(f"CREATE TABLE {name}(n)")

    return f"create_{name}", step


def widen(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE a ADD COLUMN m")


def fail(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE half(n)")
    raise sqlite3.OperationalError("on purpose")


def tables(store: Store) -> set[str]:
    names = store.rows("SELECT name FROM sqlite_master WHERE name NOT LIKE '%sqlite%'")
    return {row["name"] for row in names}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "usage.db"


def test_sets_of_several_owners_live_in_one_file(path: Path) -> None:
    sets = [MigrationSet("one", [create("a")]), MigrationSet("two", [create("b")])]
    with Store.open(path, sets) as store:
        assert tables(store) == {"a", "b"}


def test_a_step_runs_once(path: Path) -> None:
    for _ in range(3):
        with Store.open(path, [MigrationSet("one", [create("a")])]) as store:
            assert tables(store) == {"a"}


def test_a_later_step_is_added_to_a_database_with_rows(path: Path) -> None:
    with Store.open(path, [MigrationSet("one", [create("a")])]) as store, store.write() as found:
        found.execute("INSERT INTO a VALUES (7)")
    with Store.open(path, [MigrationSet("one", [create("a"), ("widen", widen)])]) as store:
        assert [tuple(row) for row in store.rows("SELECT n, m FROM a")] == [(7, None)]


def test_the_set_of_a_module_that_is_gone_is_no_obstacle(path: Path) -> None:
    both = [MigrationSet("one", [create("a")]), MigrationSet("two", [create("b")])]
    Store.open(path, both).close()
    with Store.open(path, both[:1]) as store:
        assert tables(store) == {"a", "b"}


def test_a_failing_step_leaves_nothing_and_can_be_tried_again(path: Path) -> None:
    broken = MigrationSet("one", [create("a"), ("half", fail)])
    with pytest.raises(LedgerError):
        Store.open(path, [broken])
    with Store.open(path) as store:
        assert "half" not in tables(store)
    with Store.open(path, [MigrationSet("one", [create("a"), create("b")])]) as store:
        assert tables(store) == {"a", "b"}


def test_a_module_whose_step_fails_keeps_nobody_from_working(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its tables are missing and its hooks fail alone; a broken module never blocks the rest."""
    sets = [MigrationSet("core", [create("a")]), MigrationSet("module", [("half", fail)])]
    sets.append(MigrationSet("other", [create("b")]))
    with Store.open(path, sets) as store:
        assert tables(store) == {"a", "b"}
    assert "the tables of module could not be made" in caplog.text
