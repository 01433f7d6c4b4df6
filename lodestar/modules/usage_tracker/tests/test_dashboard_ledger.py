"""The dashboard's look at the ledger: it cannot write, makes nobody wait, and counts exactly."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lodestar.cli.opening import configuration
from lodestar.clock import now_ms, zone
from lodestar.errors import LedgerError
from lodestar.modules.usage_tracker.dashboard.counting import KEYS, Counting
from lodestar.modules.usage_tracker.dashboard.ledger import Ledger
from lodestar.modules.usage_tracker.dashboard.reading import Reading
from lodestar.modules.usage_tracker.dashboard.tabs import TABS
from lodestar.modules.usage_tracker.dashboard.view import Asked
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.reports.period import period_of
from lodestar.modules.usage_tracker.reports.quality import quality
from lodestar.modules.usage_tracker.reports.usage import Wanted
from lodestar.modules.usage_tracker.tests.budget_cli import ledger
from lodestar.modules.usage_tracker.tests.dashboard_ledger import (
    MINUTE_MS,
    a_signal,
    an_exchange,
    used,
)
from lodestar.paths import Home
from lodestar.store import connection as connections
from lodestar.store.feedback import add_rating, undo_last_rating
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.cli.conftest import home

__all__ = ["home", "ledger", "used"]
WRITERS, WRITES = 3, 60


def test_it_cannot_write(used: str, home: Home) -> None:
    looks = Ledger(home.database, lambda: None)
    with (
        pytest.raises(LedgerError, match="cannot use the database"),
        looks.look() as glance,
    ):
        glance.connection.execute("DELETE FROM charges")
    with looks.look() as glance:
        assert glance.rows("SELECT count(*) FROM charges")[0][0] == 9
    looks.close()


def test_its_version_changes_with_each_commit_and_with_another_file(
    used: str, home: Home, ledger: Store, tmp_path: Path
) -> None:
    looks = Ledger(home.database, lambda: None)
    first = looks.version()
    assert looks.version() == first
    an_exchange(ledger, used)
    second = looks.version()
    assert second != first
    copy = tmp_path / "copy.db"
    ledger.save(copy)
    ledger.close()
    copy.replace(home.database)
    assert looks.version()[:2] != second[:2]
    with looks.look() as glance:
        assert glance.rows("SELECT count(*) FROM charges")[0][0] == 10
    looks.close()


def test_nothing_is_held_between_looks(used: str, home: Home, ledger: Store) -> None:
    reading = Reading(configuration())
    for tab in TABS:
        reading.page(tab, Asked())
        reading.count(tab, Asked())
    # Emptying the log needs that nobody reads, and a restore that nobody has the file.
    assert ledger.empty_log()
    ledger.close()
    with connections.alone(home.database):
        pass
    reading.close()


def _writes(path: Path, waits: Any, go: Any) -> None:
    """Writes as sessions do, counting how often SQLite's lock was somebody else's."""
    begins: Callable[[sqlite3.Connection], bool] = connections.begins

    def counted(connection: sqlite3.Connection) -> bool:
        begun = begins(connection)
        if not begun:
            with waits.get_lock():
                waits.value += 1
        return begun

    import lodestar.store.writers

    lodestar.store.writers.begins = counted
    with Store.open(path, [CORE, register_migrations()]) as store:
        session = store.rows("SELECT id FROM sessions")[0]["id"]
        go.wait()
        for number in range(WRITES):
            an_exchange(store, session, number * MINUTE_MS, number % 3 == 0, "a" * 40)


def test_writers_never_wait_for_it(used: str, home: Home, ledger: Store) -> None:
    context = multiprocessing.get_context("spawn")
    waits, go = context.Value("i", 0), context.Event()
    writers = [
        context.Process(target=_writes, args=(home.database, waits, go)) for _ in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    reading, looks, versions = Reading(configuration()), 0, set()
    go.set()
    while any(writer.is_alive() for writer in writers):
        for tab in TABS:
            versions.add(reading.state())
            reading.page(tab, Asked("month"))
            reading.count(tab, Asked("month"))
            looks += 1
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    # It did look while they wrote, and none of them found SQLite's lock taken.
    assert looks > len(TABS)
    assert len(versions) > 3
    assert waits.value == 0
    page = reading.page("models", Asked("month"))
    assert page.sheet
    assert page.sheet.totals
    assert page.sheet.totals[1] == 9 + WRITERS * WRITES
    reading.close()


def test_it_does_not_stand_in_the_writers_queue(used: str, home: Home, ledger: Store) -> None:
    reading = Reading(configuration())
    reading.state()
    # A writer that takes its time, with the lock of the queue and SQLite's own.
    with ledger.write(durable=False) as writing:
        writing.execute("UPDATE sessions SET tag = 'x'")
        done = threading.Event()

        def look() -> None:
            for tab in TABS:
                reading.page(tab, Asked())
            done.set()

        thread = threading.Thread(target=look)
        thread.start()
        assert done.wait(30)
        thread.join()
    reading.close()


def counted(counting: Counting, store: Store) -> dict[Any, Any]:
    """All of it, in as many steps as it takes; compared with the report's own counting."""
    context = configuration()
    now, where = now_ms() + 1, zone(context.settings.timezone)
    wanted = Wanted(period_of("month", None, None, now, where), KEYS)
    with store.read() as connection:
        steps = 0
        while not counting.step(connection, wanted.period, now, most_s=0.0):
            steps += 1
            assert steps < 100_000
        found = counting.by(connection, wanted, now)
        assert found is not None
        assert found == quality(connection, wanted)
    return dict(found)


def test_counting_bit_by_bit_comes_to_the_reports_figures(used: str, ledger: Store) -> None:
    counting = Counting(zone(configuration().settings.timezone))
    assert sum(one.kept for one in counted(counting, ledger).values()) == 9
    exchange = an_exchange(ledger, used, 5 * MINUTE_MS, commit="b" * 40)
    assert sum(one.kept for one in counted(counting, ledger).values()) == 10
    a_signal(ledger, used, exchange, "undo", "b" * 40)
    assert sum(one.kept for one in counted(counting, ledger).values()) == 9
    add_rating(ledger, used, exchange, "bad", "prompt")
    assert sum(one.bad for one in counted(counting, ledger).values()) == 1
    undo_last_rating(ledger)
    assert sum(one.bad for one in counted(counting, ledger).values()) == 0


def test_what_is_not_counted_yet_is_not_known_rather_than_nothing(used: str) -> None:
    reading = Reading(configuration())
    sheet = reading.page("models", Asked()).sheet
    assert sheet
    assert "what became of the answers is still being counted" in sheet.notes
    kept = [column.name for column in sheet.columns].index("kept")
    assert all(row[kept] is None for row in sheet.rows)
    assert reading.count("models", Asked(), 60)
    sheet = reading.page("models", Asked()).sheet
    assert sheet
    assert all(row[kept] == 1.0 for row in sheet.rows)
    reading.close()
