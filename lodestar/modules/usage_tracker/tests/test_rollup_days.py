"""The sums of whole days are those of their quarter-hours, whatever is done to the ledger."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lodestar.modules.usage_tracker import rollup, rollup_days
from lodestar.modules.usage_tracker.audit import audit, repair
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.tests.filled import CLAUDE, LOCAL, Filled
from lodestar.store.migrations import MigrationSet
from lodestar.store.schema import CORE
from lodestar.store.store import Store

START = 1_790_000_000_000
COUNTED = f"SELECT {rollup_days.COLUMNS} FROM rollup_days"


def days(store: Store) -> list[tuple[object, ...]]:
    """What is kept, after a look that it is what it should be."""
    kept = sorted(tuple(row) for row in store.rows(COUNTED))
    assert kept == sorted(tuple(row) for row in store.rows(rollup_days.SUMMED))
    return kept


def test_days_follow_charges_that_come_and_go(store: Store) -> None:
    filled, dice = Filled(store), random.Random(7)
    for _ in range(150):
        who, cash = dice.choice([(CLAUDE, dice.randrange(10**9)), (LOCAL, 0)])
        filled.call(START + dice.randrange(6 * 86_400_000), None, who, cash=cash)
    assert sum(row[-6] for row in days(store) if isinstance(row[-6], int)) == filled.cash
    for row in store.rows("SELECT id FROM charges ORDER BY id LIMIT 100"):
        with store.write() as connection:
            rollup.take_back(connection, row["id"])
            connection.execute("DELETE FROM charges WHERE id = ?", (row["id"],))
    assert days(store)
    for row in store.rows("SELECT id FROM charges"):
        with store.write() as connection:
            rollup.take_back(connection, row["id"])
    assert days(store) == []


def test_a_ledger_from_before_is_summed_once(tmp_path: Path) -> None:
    ours = register_migrations()
    steps = [name for name, _ in ours.steps]
    before = MigrationSet(ours.name, ours.steps[: steps.index("rollup_days")], ours.purgers)
    with Store.open(tmp_path / "usage.db", [CORE, before]) as store:
        Filled(store).call(START, None, CLAUDE, cash=5)
    with Store.open(tmp_path / "usage.db", [CORE, ours]) as store:
        assert len(days(store)) == 1
        Filled(store).call(START + 1, None, CLAUDE, cash=6)
        assert [row["cash_nano"] for row in store.rows("SELECT cash_nano FROM rollup_days")] == [11]


@pytest.mark.parametrize(
    "harm", ["DELETE FROM rollup_days", "UPDATE rollup_days SET cash_nano = cash_nano + 1"]
)
def test_the_audit_finds_a_wrong_day_and_repairs_it(store: Store, harm: str) -> None:
    Filled(store).call(START, None, CLAUDE, cash=5, price_version=None)
    with store.write() as connection:
        connection.execute(harm)
    found = [one.rule for one in audit(store).findings]
    assert "a day is the sum of its quarter-hours" in found
    repair(store)
    assert days(store)
    assert "a day is the sum of its quarter-hours" not in [
        one.rule for one in audit(store).findings
    ]
