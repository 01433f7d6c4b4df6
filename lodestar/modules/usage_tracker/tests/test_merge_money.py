"""Another machine's export: its charges come with it, once."""

from __future__ import annotations

from pathlib import Path

from lodestar.modules.usage_tracker import charges
from lodestar.modules.usage_tracker.reconcile import assumed, correct
from lodestar.modules.usage_tracker.tests.merging import (
    SETS,
    Export,
    Other,
    counts,
    export,
    here,
    other,
    ours,
    sums,
)
from lodestar.modules.usage_tracker.tests.money import limited, spend
from lodestar.paths import Home
from lodestar.store.sessions import end_session, machine_id
from lodestar.store.store import Store
from tests.cli.conftest import Cli, cli, home
from tests.fakes.values import reported

__all__ = ["cli", "export", "home", "other"]


def test_the_sums_of_two_machines_are_added_to_the_nano_dollar(
    cli: Cli, home: Home, other: Other, export: Export
) -> None:
    ours(home)
    before, theirs = here(home), sums(other.store)
    done = cli("data", "merge", str(export("a.jsonl")))
    assert done.code == 0, done.err
    assert "3 exchanges taken in" in done.err
    assert here(home) == (before[0] + theirs[0], before[1] + theirs[1])
    assert cli("data", "audit").code == 0
    with Store.open(home.database, SETS) as store:
        (row,) = store.rows("SELECT DISTINCT machine_id FROM sessions WHERE id = 'S1'")
        assert row["machine_id"] == machine_id(other.home) != machine_id(home)


def test_the_same_export_again_and_a_later_one_add_only_what_is_new(
    cli: Cli, home: Home, other: Other, export: Export
) -> None:
    first = export("a.jsonl")
    cli("data", "merge", str(first))
    before = counts(home)
    assert "nothing is new" in cli("data", "merge", str(first)).err
    assert counts(home) == before
    other.call(lambda request: spend(other.store, reported(7, 7), limited(), request))
    one = next(one for one in assumed(other.store, 9) if one.charged)
    correct(other.store, one.id, 1, "the bill says so")
    assert other.orphan
    charges.settle(other.store, other.orphan, reported(5, 5))
    end_session(other.store, "S1", "exit", 0)
    later = export("b.jsonl")
    done = cli("data", "merge", str(later))
    assert "1 exchange taken in" in done.err
    assert here(home) == sums(other.store)
    # The first one knows an older charge of the orphan; it must not come back.
    cli("data", "merge", str(first))
    assert here(home) == sums(other.store)
    with Store.open(home.database, SETS) as store:
        assert store.rows("SELECT end_reason FROM sessions WHERE id = 'S1'")[0][0] == "exit"


def test_older_after_newer_is_the_same(cli: Cli, home: Home, other: Other, export: Export) -> None:
    first = export("a.jsonl")
    assert other.orphan
    charges.settle(other.store, other.orphan, reported(5, 5))
    later = export("b.jsonl")
    for path in (later, first, later):
        assert cli("data", "merge", str(path)).code == 0
        assert here(home) == sums(other.store)


def test_what_came_from_here_does_not_come_back(
    cli: Cli, home: Home, other: Other, export: Export, tmp_path: Path
) -> None:
    ours(home)
    mine = tmp_path / "mine.jsonl"
    cli("data", "export", "--out", str(mine))
    before = here(home)
    with Store.open(home.database, SETS) as store, store.write() as connection:
        connection.execute("DELETE FROM attempts")
        connection.execute("DELETE FROM exchanges")
    done = cli("data", "merge", str(mine))
    assert dict(done.rows).get("this machine's own") == "1", done.err + done.out
    assert here(home) == before


def test_a_merge_is_undone_as_an_import_is(
    cli: Cli, home: Home, other: Other, export: Export
) -> None:
    ours(home)
    before = here(home)
    cli("data", "merge", str(export("a.jsonl")))
    (listed,) = cli("data", "import").rows
    assert cli("data", "import", "--undo", listed[0]).code == 0
    assert here(home) == before
    left = counts(home)
    assert (left["exchanges"], left["charges"], left["holds"], left["sessions"]) == (1, 1, 0, 0)


def test_a_dry_run_writes_nothing(cli: Cli, home: Home, other: Other, export: Export) -> None:
    done = cli("data", "merge", str(export("a.jsonl")), "--dry-run")
    assert dict(done.rows)["new"] == "3"
    assert counts(home)["exchanges"] == counts(home)["charges"] == 0
