"""What a session is tagged with is on its holds, its charges and in the roll-ups."""

from __future__ import annotations

import os
from pathlib import Path

from lodestar.modules.usage_tracker.charges import charge_free, settle, sweep_orphans
from lodestar.modules.usage_tracker.tests.money import a_hold
from lodestar.modules.usage_tracker.tests.usage_cli import as_json, filled
from lodestar.paths import Home
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.cli.conftest import Cli, cli, home
from tests.fakes.values import FREE, a_request, a_route, reported

__all__ = ["cli", "filled", "home"]


def tagged(store: Store, tag: str | None = "client=acme") -> None:
    start_session(
        store,
        Home(store.path.parent),
        Session("S1", store.path.parent, "default", "main", os.getpid(), tag=tag),
    )


def test_paid_and_free_calls_carry_the_tag(store: Store) -> None:
    tagged(store)
    settle(store, a_hold(store), reported(30, 900))
    charge_free(store, a_request(), a_route(**FREE), reported(5, 6), None)
    for table, rows in (("holds", 1), ("charges", 2), ("rollup", 2)):
        assert [row["tag"] for row in store.rows(f"SELECT tag FROM {table}")] == (
            ["client=acme"] * rows
        )


def test_the_charge_of_a_dead_process_carries_the_tag(store: Store) -> None:
    tagged(store)
    hold = a_hold(store)
    with store.write() as connection:
        connection.execute("UPDATE holds SET owner = 'gone:4194303:0' WHERE id = ?", (hold.id,))
    assert sweep_orphans(store) == 1
    assert [row["tag"] for row in store.rows("SELECT tag FROM charges")] == ["client=acme"]


def test_a_session_without_a_tag_counts_for_none(store: Store) -> None:
    tagged(store, None)
    settle(store, a_hold(store), reported(30, 900))
    assert [row["tag"] for row in store.rows("SELECT tag FROM rollup")] == [""]


def test_usage_is_grouped_and_filtered_by_tag(cli: Cli, filled, tmp_path: Path) -> None:
    from lodestar.clock import now_ms

    for tag, count in (("client=acme", 2), ("client=zoo", 3), (None, 1)):
        session = filled.session(tmp_path, tag=tag)
        for _ in range(count):
            filled.call(now_ms() - 5, session)
    rows = as_json(cli, "usage", "--by", "tag")["data"]
    assert [(row["tag"], row["calls"]) for row in rows] == [
        ("client=acme", 2),
        ("client=zoo", 3),
        ("-", 1),
    ]
    for report in ((), ("models",), ("projects",), ("why",)):
        found = as_json(cli, "usage", *report, "--tag", "client=zoo")
        assert found["filters"] == {"tag": "client=zoo"}
        assert found["totals"].get("calls", 3) == 3


def test_a_forgotten_project_leaves_no_tag(cli: Cli, filled, tmp_path: Path) -> None:
    filled.call(1_790_000_000_000, filled.session(tmp_path, "main", "client=acme"))
    with filled.store.write() as connection:
        connection.execute("UPDATE sessions SET ended_ms = 1")
    done = cli("data", "forget", "--project", str(tmp_path), "--yes")
    assert done.code == 0, done.err
    for table in ("sessions", "charges", "rollup"):
        assert not filled.store.rows(f"SELECT 1 FROM {table} WHERE tag IS NOT NULL AND tag <> ''")
