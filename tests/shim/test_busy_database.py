"""Another program keeps SQLite's lock on the database: free answers come, their rows later."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.shim import Shim, configure, rows
from tests.fakes.shim_client import wait_for
from tests.fakes.upstream import Upstream


@pytest.mark.parametrize("ending", ["unlocked", "stopped"])
def test_free_answers_come_at_once_and_their_rows_later(ending: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Upstream() as upstream:
        configure(home, upstream.url)
        with Shim(home, tmp_path) as shim:
            shim.chat("free-model")
            with closing(sqlite3.connect(home / "usage.db", isolation_level=None)) as intruder:
                intruder.execute("BEGIN IMMEDIATE")
                began = time.monotonic()
                for _ in range(4):
                    assert shim.chat("free-model").status == 200
                # It was ten seconds and more for each of them.
                assert time.monotonic() - began < 10
                intruder.execute("ROLLBACK")
            if ending == "unlocked":
                wait_for(lambda: len(kept(home)) == 5, 30)
        assert kept(home) == ["ok"] * 5


def kept(home: Path) -> list[str]:
    return [str(row["status"]) for row in rows(home, "SELECT status FROM exchanges")]
