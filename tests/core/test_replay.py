"""The journal's rows are put back one by one: one that is refused costs itself only."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lodestar.paths import Home
from lodestar.store import journal, restore
from lodestar.store.migrations import MigrationSet
from lodestar.store.schema import CORE
from lodestar.store.store import Store


def test_a_row_that_cannot_be_put_back_costs_itself_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")

    def create(connection: sqlite3.Connection) -> None:
        connection.execute(
            "CREATE TABLE budgets(id TEXT PRIMARY KEY, undoes TEXT REFERENCES budgets(id))"
        )

    def put(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> bool | None:
        connection.execute("INSERT INTO budgets VALUES (:id, :undoes)", row)
        return True

    sets = (CORE, MigrationSet("money", (("create", create),), replay=put))
    for id, undoes in (("late", "first"), ("first", None), ("orphan", "lost"), ("last", "first")):
        journal.append(home, "budgets", {"id": id, "undoes": undoes})
    done = restore.restore(home, restore.plan(home), sets)
    assert (done.replayed, done.lost) == (3, 1)
    with Store.open(home.database, sets) as store:
        found = {row["id"] for row in store.rows("SELECT id FROM budgets")}
    assert found == {"first", "late", "last"}
