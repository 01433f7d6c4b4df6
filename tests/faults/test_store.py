"""Whatever call of the database fails: what was acknowledged is there, and it still opens."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from lodestar.errors import LedgerError
from lodestar.exchange import Exchange
from lodestar.paths import Home
from lodestar.plugins import Plugins
from lodestar.settings import Settings
from lodestar.store.exchanges import close_exchange, open_attempt, open_exchange
from lodestar.store.feedback import add_rating
from lodestar.store.migrations import MigrationSet
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.fakes.values import a_request, a_route, reported
from tests.faults.seams import LocalPlan, installed, rounds


@pytest.fixture(scope="module")
def sets() -> list[MigrationSet]:
    """Everybody's tables."""
    return [CORE, *Plugins.load(Settings()).collect("register_migrations")]


def _exchange(store: Store, done: set[str]) -> None:
    """One exchange and its rating; `done` gets the id of each step that came back."""
    request, route = a_request(session=None), a_route()
    open_exchange(store, request, [("user", "hello", 5)])
    done.add(request.id)
    open_attempt(store, f"A{request.id}", request, route, 1)
    done.add(f"A{request.id}")
    close_exchange(store, Exchange(request, route, reported(3, 4), 1), [("assistant", "hi", 2)])
    done.add(add_rating(store, None, request.id, "good", "cli"))


def _kept(store: Store) -> set[str]:
    tables = ("exchanges", "attempts", "ratings")
    return {row["id"] for table in tables for row in store.rows(f"SELECT id FROM {table}")}


def _is_whole(store: Store) -> bool:
    """Undamaged, and no exchange without its prompt."""
    orphans = store.rows("SELECT id FROM exchanges WHERE id NOT IN"
                         " (SELECT exchange_id FROM exchange_messages)")  # fmt: skip
    return store.rows("PRAGMA integrity_check")[0][0] == "ok" and not orphans


@pytest.mark.parametrize("after", [False, True])
def test_a_failing_call_loses_no_exchange_that_was_acknowledged(
    sets: list[MigrationSet], after: bool, tmp_path: Path
) -> None:
    plan, done = LocalPlan(), set[str]()
    with Store.open(tmp_path / "usage.db", sets) as store:
        store.close()
    with installed("database", plan):
        store = Store.open(tmp_path / "usage.db", sets)
        for _ in rounds(plan, after):
            with contextlib.suppress(sqlite3.Error):
                _exchange(store, done)
            plan.disarm()
            _exchange(store, done)
            assert done <= _kept(store)
            assert _is_whole(store)
        store.close()


@pytest.mark.parametrize("seam", ["database", "files"])
def test_a_failing_first_start_leaves_nothing_that_stops_the_next(
    sets: list[MigrationSet], seam: str, tmp_path: Path
) -> None:
    plan = LocalPlan()
    with installed(seam, plan, tmp_path):
        for number in rounds(plan):
            home = Home(tmp_path / str(number))
            with contextlib.suppress(LedgerError), Store.open(home.database, sets):
                pass
            plan.disarm()
            with Store.open(home.database, sets) as store:
                start_session(store, home, Session("S1", home.root, "default", None, 1))
                _exchange(store, set())
                assert _is_whole(store)
