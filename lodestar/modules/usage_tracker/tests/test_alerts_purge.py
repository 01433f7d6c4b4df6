"""Alerts go with the rows of their time and of their project; none is told twice for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from lodestar.clock import now_ms
from lodestar.modules.usage_tracker import alerts
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.tests.alert_ticks import at, pay, settings, texts
from lodestar.paths import Home
from lodestar.store.migrations import MigrationSet, Purge
from lodestar.store.purge import purge
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, end_session, start_session
from lodestar.store.store import Store

__all__ = ["at"]
SETS = [CORE, register_migrations()]
DAY_MS = 86_400_000
LIMITED = settings(daily_usd=2, session_usd=3)


def session(store: Store, name: str, root: Path) -> str:
    """A session in a project of its own; returns the project's id."""
    started = Session(name, root, "default", None, os.getpid())
    start_session(store, Home(store.path.parent), started)
    row = store.row("SELECT project_id FROM sessions WHERE id = ?", (name,))
    assert row
    return str(row[0])


def told(store: Store) -> list[tuple[str, str | None]]:
    """The window and the session of each alert."""
    rows = store.rows("SELECT limit_key, session_id FROM alerts ORDER BY id")
    return [(row["limit_key"].split("/")[1], row["session_id"]) for row in rows]


@pytest.mark.usefixtures("at")
def test_a_forgotten_project_takes_its_alerts_along(store: Store, tmp_path: Path) -> None:
    project = session(store, "S1", tmp_path / "one")
    session(store, "S2", tmp_path / "two")
    pay(store, 1.6, session="S1")
    assert len(texts(store, LIMITED, "S1")) == 2
    assert texts(store, LIMITED, "S2") == []
    pay(store, 1.5, session="S2")
    assert len(texts(store, LIMITED, "S2")) == 2
    end_session(store, "S1", "ended", 0)
    purge(store, SETS, Purge(project=project))
    left = told(store)
    assert ("session", "S2") in left
    assert "S1" not in {name for _, name in left}
    # Everybody's daily limit was told of at 50 and 80 %: that counts on, without the session.
    assert left.count(("day", None)) == 2
    assert [window for window, _ in left].count("session") == 1
    assert not store.rows("SELECT 1 FROM alerts WHERE project_id = ?", (project,))
    assert texts(store, LIMITED, "S2") == []


@pytest.mark.usefixtures("at")
def test_old_alerts_go_with_the_rows_of_their_time(
    store: Store, tmp_path: Path, mocker: MockerFixture
) -> None:
    for name in ("S1", "S2"):
        session(store, name, tmp_path)
    mocker.patch.object(alerts, "now_ms", return_value=now_ms() - 40 * DAY_MS)
    for name in ("S1", "S2"):
        pay(store, 1.6, session=name)
        assert texts(store, LIMITED, name)
    mocker.stopall()
    end_session(store, "S1", "ended", 0)
    purge(store, SETS, Purge(before_ms=now_ms() - 50 * DAY_MS))
    assert {name for _, name in told(store)} == {"S1", "S2"}
    purge(store, SETS, Purge(before_ms=now_ms(), text_only=True))
    assert {name for _, name in told(store)} == {"S1", "S2"}
    purge(store, SETS, Purge(before_ms=now_ms() - DAY_MS))
    # A session that goes on is not told the same again.
    assert {name for _, name in told(store)} == {"S2"}


def test_alerts_of_before_know_their_project_after_the_upgrade(tmp_path: Path) -> None:
    ours = register_migrations()
    old = MigrationSet(ours.name, ours.steps[:2])
    with Store.open(tmp_path / "usage.db", [CORE, old]) as store:
        project = session(store, "S1", tmp_path)
        with store.write() as connection:
            connection.execute(
                "INSERT INTO alerts(id, limit_key, window_start_ms, threshold, unit, spent, amount,"
                " session_id, text, created_ms) VALUES ('A1', 'budget/day/usd///', 0, 50, 'usd',"
                " 1, 2, 'S1', 'half of it', 1)"
            )
    with Store.open(tmp_path / "usage.db", SETS) as store:
        assert [row[0] for row in store.rows("SELECT project_id FROM alerts")] == [project]
