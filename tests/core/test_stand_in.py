"""What was asked while the database could not be used is kept apart, and taken in afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lodestar.errors import LedgerError, LodestarError, UsageError
from lodestar.paths import Home
from lodestar.store import backup, restore, state
from lodestar.store.merge import merge
from lodestar.store.migrations import MigrationSet
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, start_session
from lodestar.store.stand_in import find, kept, leave, open_stand_in, reopen, told
from lodestar.store.store import Store
from tests.cli.worklog import Worklog

REASON = LedgerError("the database is gone", "somebody took it", "lodestar data restore")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    Store.open(home.database, [CORE]).close()
    return home


def work(store: Store, home: Home, project: Path, session: str) -> None:
    log = Worklog(store, home, project, session).start()
    log.signal("apply", log.exchange("asked", "answered"), edited=["a.py"])
    log.end()


def stand_in(home: Home, session: str = "S2") -> Path:
    """One with an exchange in it."""
    store = open_stand_in(home, session, [CORE], REASON)
    work(store, home, home.root / "project", session)
    leave(store)
    (path,) = kept(home)
    return path


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("projects", "sessions", "exchanges", "attempts", "messages", "exchange_messages")
    return {t: [tuple(r) for r in store.rows(f"SELECT * FROM {t}")] for t in (*tables, "signals")}


def test_it_is_never_fit_for_money_and_remembers_why(home: Home) -> None:
    path = stand_in(home)
    assert find(home, "S2") == path
    assert find(home, "S3") is None
    with reopen(path, [CORE]) as store:
        assert store.unfit is store.stands_for
        assert store.unfit
        assert (store.unfit.what, store.unfit.do) == (REASON.what, REASON.do)
        said = told(store, store.unfit).lines("warning:")
    what, why, do = said.splitlines()
    assert what == "warning: the database is gone; paid models are closed, free ones work"
    assert why == f"why:     somebody took it; this session's log is kept in {path}"
    assert do == "do:      lodestar data restore; then: lodestar data merge"


def test_a_shim_that_comes_again_goes_on_in_the_same_one(home: Home) -> None:
    first = open_stand_in(home, "S2", [CORE], REASON)
    work(first, home, home.root / "project", "S2")
    first.close()
    with open_stand_in(home, "S2", [CORE], REASON) as again:
        assert len(again.rows("SELECT * FROM exchanges")) == 1


def test_it_lies_outside_a_home_that_takes_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    (home.root / "run").write_text("in the way")
    with open_stand_in(home, "S2", [CORE], REASON) as store:
        assert store.path.parent == tmp_path / f"lodestar-{os.getuid()}"
        assert store.path.parent.stat().st_mode & 0o777 == 0o700
        assert find(home, "S2") == store.path


def test_a_folder_that_is_not_private_is_not_taken(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    (home.root / "run").write_text("in the way")
    (tmp_path / f"lodestar-{os.getuid()}").mkdir(0o777)
    (tmp_path / f"lodestar-{os.getuid()}").chmod(0o777)
    with pytest.raises(LedgerError, match="cannot use the database"):
        open_stand_in(home, "S2", [CORE], REASON)


def test_it_is_taken_in_once_with_its_project_found_again(home: Home) -> None:
    with Store.open(home.database, [CORE]) as store:
        work(store, home, home.root / "project", "S1")
        path = stand_in(home)
        copy = path.read_bytes()
        assert merge(store, path, [CORE]) == 1
        assert not kept(home)
        assert len(store.rows("SELECT * FROM projects")) == 1
        assert len(store.rows("SELECT DISTINCT project_id FROM sessions")) == 1
        assert store.rows("PRAGMA foreign_key_check") == []
        before = everything(store)
        path.write_bytes(copy)
        assert merge(store, path, [CORE]) == 0
        assert everything(store) == before


def test_modules_take_their_own_rows_from_it(home: Home) -> None:
    seen: list[tuple[str, str]] = []

    def create(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE charges(id TEXT PRIMARY KEY, project_id TEXT)")

    def replay(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> bool | None:
        if table != "charges":
            return None
        seen.append((row["id"], row["project_id"]))
        return True

    sets = [CORE, MigrationSet("money", (("create", create),), replay=replay)]
    path = stand_in(home)
    with reopen(path, sets) as source, source.write() as connection:
        old = connection.execute("SELECT id FROM projects").fetchone()[0]
        connection.execute("INSERT INTO charges VALUES ('C1', ?), ('C2', NULL)", (old,))
    with Store.open(home.database, sets) as store:
        merge(store, path, sets)
        new = store.rows("SELECT id FROM projects")[0][0]
    assert old != new
    assert seen == [("C1", new), ("C2", None)]


def test_the_stand_in_of_a_running_session_is_left_alone(home: Home) -> None:
    source = open_stand_in(home, "S2", [CORE], REASON)
    start_session(source, home, Session("S2", None, "default", None, os.getpid()))
    source.close()
    with (
        Store.open(home.database, [CORE]) as store,
        pytest.raises(LodestarError, match="is running"),
    ):
        merge(store, kept(home)[0], [CORE])
    assert kept(home)


@pytest.mark.parametrize(
    "name", ["usage.db", "usage.db-wal", "link.db", "backup/usage-2026-01-01.db", "foreign.db", "a"]
)
def test_what_is_no_stand_in_is_refused_and_left_untouched(name: str, home: Home) -> None:
    path = home.root / name
    (home.root / "link.db").symlink_to(home.database)
    backup.back_up(home.database, home.folder("backup") / "usage-2026-01-01.db")
    Store.open(home.root / "other" / "usage.db", [CORE]).close()
    (home.root / "other" / "usage.db").rename(home.root / "foreign.db")
    (home.root / "a").write_text("my notes")
    for one in home.root.glob("*"):
        one.chmod(0o755 if one.is_dir() else 0o644)
    with Store.open(home.database, [CORE]) as store:
        before = left(home)
        with pytest.raises(UsageError, match="is no stand-in") as error:
            merge(store, path, [CORE])
        assert error.value.why
        assert error.value.do
        assert left(home) == before


def left(home: Home) -> dict[str, tuple[int, bytes]]:
    """What is in the home, and with which rights."""
    files = sorted(path for path in home.root.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mode, path.read_bytes()) for path in files}


def test_a_stand_in_whose_session_was_killed_is_known_by_its_log(home: Home) -> None:
    source = open_stand_in(home, "S2", [CORE], REASON)
    work(source, home, home.root / "project", "S2")
    copy = home.root / "copy.db"
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{source.path}{suffix}", f"{copy}{suffix}")
    with Store.open(home.database, [CORE]) as store:
        assert merge(store, copy, [CORE]) == 1


def test_a_limit_of_another_database_is_not_taken_in(home: Home) -> None:
    seen: list[str] = []

    def create(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE budgets(id TEXT PRIMARY KEY)")
        connection.execute("INSERT INTO budgets VALUES ('raise')")

    def replay(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> bool | None:
        seen.append(table)
        return None

    sets = [CORE, MigrationSet("money", (("create", create),), replay=replay)]
    path = stand_in(home)
    reopen(path, sets).close()
    with Store.open(home.database, sets) as store:
        merge(store, path, sets)
    assert seen
    assert "budgets" not in seen


def test_a_database_that_was_made_from_a_stand_in_is_none_any_more(home: Home) -> None:
    path = stand_in(home)
    restore.restore(home, restore.plan(home, path), [CORE])
    with Store.open(home.database, [CORE]) as store:
        assert store.unfit is None
        assert state.STANDS_FOR not in state.facts(store._connection)
