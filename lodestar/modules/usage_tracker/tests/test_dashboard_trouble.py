"""The dashboard on a ledger that is empty, busy, damaged or gone."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from textual.pilot import Pilot

from lodestar.modules.usage_tracker.tests.budget_cli import ledger
from lodestar.modules.usage_tracker.tests.dashboard_ledger import (
    used,
)
from lodestar.modules.usage_tracker.tests.dashboard_pilot import PATIENCE_S, drawn, on_screen, seen
from lodestar.paths import Home
from lodestar.store.store import Store
from tests.cli.conftest import home

__all__ = ["home", "ledger", "used"]


def test_a_database_that_cannot_be_used_is_said_and_tried_again(
    used: str, home: Home, ledger: Store
) -> None:
    ledger.close()
    aside = home.database.with_name("aside.db")

    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "today: 9 calls")
        os.rename(home.database, aside)
        text = await seen(pilot, "cannot use the database", "trying again ...")
        assert "today: 9 calls" in text
        os.rename(aside, home.database)
        await seen(pilot, "today: 9 calls")
        deadline = time.monotonic() + PATIENCE_S
        while "trying again" in drawn(pilot):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)

    on_screen(steps)


def test_it_starts_on_a_database_that_is_damaged(used: str, home: Home, ledger: Store) -> None:
    ledger.close()
    for file in home.root.glob("usage.db-*"):
        file.unlink()
    whole = home.database.read_bytes()
    home.database.write_bytes(whole[:5000])

    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "the database", "trying again ...")
        home.database.write_bytes(whole)
        await seen(pilot, "today: 9 calls")

    on_screen(steps)


def test_a_database_that_is_busy_is_said_and_tried_again(
    used: str, home: Home, ledger: Store
) -> None:
    ledger.close()
    with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")

        async def steps(pilot: Pilot[int]) -> None:
            await seen(pilot, "database is locked", "trying again ...")
            await pilot.press("2", "1")
            other.execute("ROLLBACK")
            other.close()
            await seen(pilot, "today: 9 calls")

        on_screen(steps)


def test_it_works_without_signals_and_ratings_and_without_a_session(
    home: Home, ledger: Store, tmp_path: Path
) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "no session runs; start one: lodestar code", "nothing was asked yet")
        await pilot.press("6")
        await seen(pilot, "free: no change was committed", "nobody rated an answer")

    on_screen(steps)
