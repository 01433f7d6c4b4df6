"""The audit notices a nano-dollar; a correction is a row; what is purged keeps its sums."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_mock import MockerFixture

from lodestar.clock import now_ms
from lodestar.errors import UsageError
from lodestar.exchange import Outcome, Usage
from lodestar.hookspecs import Refused
from lodestar.modules.usage_tracker import (
    admission,
    audit,
    budget_log,
    budgets,
    charges,
    reconcile,
    retention,
)
from lodestar.modules.usage_tracker.audit import Audit
from lodestar.modules.usage_tracker.budget_log import Key
from lodestar.modules.usage_tracker.tests.money import WORST, a_hold, limited, spend
from lodestar.paths import Home
from lodestar.store import journal
from lodestar.store.migrations import Purge
from lodestar.store.store import Store
from tests.fakes.values import a_request, reported, unreported

COST = 100 * 3_000 + 10 * 15_000
DAY_MS = 86_400_000


def used(store: Store) -> None:
    """A reported call, an assumed one, one that was never sent, and an open one."""
    spend(store, reported(100, 10))
    spend(store, unreported())
    spend(store, Outcome("error", sent=False))
    a_hold(store)


def change(store: Store, sql: str) -> None:
    with store.write() as connection:
        connection.execute(sql)


def rules(found: Audit) -> list[str]:
    return [one.rule for one in found.findings]


def test_an_honest_ledger_has_no_findings(store: Store) -> None:
    used(store)
    found = audit.audit(store)
    assert found.findings == ()
    assert (found.cash_nano, found.rollup_nano) == (COST + WORST, COST + WORST)


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ("UPDATE rollup SET cash_nano = cash_nano + 1", "a roll-up is the sum"),
        ("UPDATE rollup SET calls = calls - 1", "a roll-up is the sum"),
        ("DELETE FROM rollup", "a roll-up is the sum"),
        ("DELETE FROM charges WHERE usage_source = 'worst_case'", "exactly one charge"),
        ("UPDATE holds SET state = 'voided'", "open or voided has no charge"),
        ("UPDATE charges SET cash_nano = cash_nano - 1", "costs its tokens at its price"),
        ("UPDATE holds SET amount_nano = amount_nano + 1", "the amount of its hold"),
        ("UPDATE charges SET billing = 'free'", "free work costs nothing"),
        ("UPDATE charges SET corrects = 'nothing'", "corrects a charge"),
    ],
)
def test_whatever_is_changed_is_found(store: Store, damage: str, rule: str) -> None:
    used(store)
    change(store, damage)
    assert any(rule in found for found in rules(audit.audit(store)))


def test_a_repair_counts_the_roll_ups_anew(store: Store) -> None:
    used(store)
    change(store, "UPDATE rollup SET cash_nano = 7")
    assert audit.repair(store) > 0
    assert audit.audit(store).findings == ()
    assert audit.repair(store) == 0


def test_the_charge_of_an_orphan_leaves_no_trace_where_it_was_never_sent(store: Store) -> None:
    hold = a_hold(store)
    change(store, "UPDATE holds SET owner = ':1:0'")
    charges.sweep_orphans(store)
    assert audit.audit(store).rollup_nano == WORST
    charges.settle(store, hold, Outcome("error", sent=False))
    found = audit.audit(store)
    assert (found.rollup_nano, found.findings) == (0, ())
    assert not store.rows("SELECT * FROM rollup")


def test_reasoning_and_cached_tokens_are_kept_as_reported_and_as_billed(store: Store) -> None:
    raw = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 160}
    usage = Usage(100, 10, cache_read=60, reasoning=50, source="provider", raw=raw)
    spend(store, Outcome("ok", 200, usage), price_cache_read="0.3", price_date="2026-11-01")
    (row,) = store.rows("SELECT * FROM charges")
    assert row["cash_nano"] == 40 * 3_000 + 60 * 300 + 60 * 15_000
    assert (row["input_tokens"], row["output_tokens"], row["cache_read_tokens"]) == (100, 60, 60)
    assert '"completion_tokens": 10' in row["usage_raw"]
    assert (row["price_date"], row["price_cache_read_nano"]) == ("2026-11-01", 300)
    assert audit.audit(store).findings == ()


def test_a_correction_is_a_row_of_its_own_and_makes_room(store: Store) -> None:
    spend(store, unreported())
    settings = limited(daily_usd=f"{WORST / 10**9:.9f}")
    with pytest.raises(Refused):
        a_hold(store, settings)
    (assumed,) = reconcile.assumed(store, 10)
    reconcile.correct(store, assumed.id[-8:].lower(), 1_000, "the bill of November")
    assert [row["cash_nano"] for row in store.rows("SELECT * FROM charges ORDER BY id")] == [
        WORST,
        1_000 - WORST,
    ]
    found = audit.audit(store)
    assert (found.rollup_nano, found.findings) == (1_000, ())
    assert a_hold(store, settings).max_output >= 256
    reconcile.correct(store, assumed.id, 5_000, None, tokens=70)
    one = reconcile.assumed(store, 10)[0]
    assert (one.settled, one.tokens) == (5_000, 70)
    assert store.rows("SELECT sum(limited_tokens) FROM rollup")[0][0] == 70


def test_only_what_nobody_reported_can_be_corrected(store: Store) -> None:
    spend(store, reported(100, 10))
    (row,) = store.rows("SELECT id FROM charges")
    with pytest.raises(UsageError, match="no assumed charge"):
        reconcile.correct(store, row["id"], 1, None)


def test_two_corrections_of_one_charge_never_take_more_than_it_was(store: Store) -> None:
    spend(store, unreported())
    (one,) = reconcile.assumed(store, 10)
    with ThreadPoolExecutor(2) as both:
        done = [
            both.submit(reconcile.correct, store, one.id, nano, None) for nano in (1_000, 2_000)
        ]
        for future in done:
            future.result()
    assert store.rows("SELECT sum(cash_nano) FROM charges")[0][0] in (1_000, 2_000)
    assert audit.audit(store).findings == ()


def test_a_late_end_of_a_corrected_orphan_takes_the_place_of_both(store: Store) -> None:
    hold = a_hold(store)
    change(store, "UPDATE holds SET owner = ':1:0'")
    charges.sweep_orphans(store)
    reconcile.correct(store, reconcile.assumed(store, 1)[0].id, 1_000, None)
    charges.settle(store, hold, reported(100, 10))
    found = audit.audit(store)
    assert (found.cash_nano, found.findings) == (COST, ())


def test_an_audit_and_a_wait_keep_no_writer_waiting(store: Store) -> None:
    used(store)
    with Store.open(store.path) as other, other.write():
        assert audit.audit(store).findings == ()


def test_a_purge_leaves_the_charges_of_an_open_session(store: Store, mocker: MockerFixture) -> None:
    mocker.patch.object(admission, "now_ms", return_value=now_ms() - 40 * DAY_MS)
    spend(store, reported(100, 10))
    with store.write() as connection:
        connection.execute(
            "INSERT INTO sessions(id, machine_id, profile, started_ms) VALUES ('S1', 'm', 'p', 0)"
        )
        everything = Purge(before_ms=now_ms())
        assert retention.purge_charges(connection, everything, 200) == 0
        connection.execute("UPDATE sessions SET ended_ms = 1")
        assert retention.purge_charges(connection, everything, 200) == 1
    assert audit.audit(store).findings == ()


def test_a_forgotten_project_keeps_its_accounts_without_its_words(store: Store) -> None:
    spend(store, reported(100, 10))
    a_hold(store)
    with store.write() as connection:
        for table in ("charges", "holds"):
            connection.execute(f"UPDATE {table} SET project_id = 'P', branch = 'secret-merger'")
    audit.repair(store)
    with store.write() as connection:
        assert retention.forget_words(connection, Purge(project="P"), 200) > 0
        assert retention.forget_words(connection, Purge(project="P"), 200) == 0
    for table in ("charges", "holds", "rollup"):
        assert not store.rows(f"SELECT 1 FROM {table} WHERE branch = 'secret-merger'")
    found = audit.audit(store)
    assert (found.cash_nano, found.findings) == (COST, ())


def test_of_two_limits_that_a_restore_brings_together_the_newest_counts(store: Store) -> None:
    key = Key("day", "usd")
    with store.write() as connection:
        budgets.set_limit(budget_log.begin(connection, "me", None, 1), key, 1)
        first = dict(connection.execute("SELECT * FROM budgets").fetchone())
        connection.execute("DELETE FROM budgets")
        budgets.set_limit(budget_log.begin(connection, "me", None, 2), key, 2)
        second = dict(connection.execute("SELECT * FROM budgets").fetchone())
        connection.execute("DELETE FROM budgets")
        assert retention.replay(connection, "budgets", first)
        assert retention.replay(connection, "budgets", second)
        assert retention.replay(connection, "budgets", first) is False
        assert [limit.amount for limit in budgets.active(connection, 3)] == [2]
        orphan = {**second, "id": "X", "action": "undo", "undoes": "gone"}
        assert retention.replay(connection, "budgets", orphan) is False


def test_a_purge_keeps_the_roll_ups_and_what_still_counts(
    store: Store, mocker: MockerFixture
) -> None:
    real = now_ms()
    for module in (admission, charges):
        mocker.patch.object(module, "now_ms", return_value=real - 40 * DAY_MS)
    spend(store, reported(100, 10))
    for module in (admission, charges):
        mocker.patch.object(module, "now_ms", return_value=real - 20 * DAY_MS)
    spend(store, reported(100, 10))
    everything = Purge(before_ms=real + DAY_MS)
    with store.write() as connection:
        assert retention.purge_charges(connection, everything, 200) == 1
        assert retention.purge_charges(connection, everything, 200) == 0
        assert retention.purge_holds(connection, everything, 200) == 1
    assert audit.audit(store).findings == ()
    assert store.rows("SELECT sum(cash_nano) FROM rollup")[0][0] == 2 * COST


def test_an_open_hold_and_words_are_no_matter_of_a_purge(store: Store) -> None:
    a_hold(store)
    with store.write() as connection:
        connection.execute("UPDATE holds SET window_ms = 0")
        everything = Purge(before_ms=now_ms())
        assert retention.purge_holds(connection, everything, 200) == 0
        words = Purge(before_ms=now_ms(), text_only=True)
        assert retention.purge_charges(connection, words, 200) == 0
        assert retention.purge_charges(connection, Purge(project="P"), 200) == 0


def test_the_journal_brings_back_what_a_backup_does_not_know(store: Store) -> None:
    spend(store, reported(100, 10), request=a_request())
    hold = a_hold(store)
    change(store, "UPDATE holds SET owner = ':1:0'")
    charges.sweep_orphans(store)
    charges.settle(store, hold, reported(1, 1))
    (file,) = journal.files(Home(store.path.parent))
    entries = journal.read(file).entries
    assert [entry.row["cash_nano"] for entry in entries] == [COST, WORST, 18_000]
    with store.write() as connection:
        for table in ("charges", "holds", "rollup"):
            connection.execute(f"DELETE FROM {table}")
        brought = [retention.replay(connection, one.table, one.row) for one in entries]
        again = [retention.replay(connection, one.table, one.row) for one in entries]
    assert brought == [True, True, True]
    # Replayed again, the orphan's charge takes the place of its correction, and gives it back.
    assert again == [False, True, True]
    found = audit.audit(store)
    assert (found.cash_nano, found.findings) == (COST + 18_000, ())
