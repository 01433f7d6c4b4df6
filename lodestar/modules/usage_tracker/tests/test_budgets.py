"""The log of budgets: what is in force after each change, and what an undo brings back."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from lodestar.errors import UsageError
from lodestar.modules.usage_tracker import budget_log, budgets
from lodestar.modules.usage_tracker.budget_log import Change, Key
from lodestar.modules.usage_tracker.limits import Limit
from lodestar.store.store import Store

DAY = Key("day", "usd")
NOW = 1_000_000
LATER = NOW + 1000


@pytest.fixture
def ledger(store: Store) -> Iterator[sqlite3.Connection]:
    with store.write() as connection:
        yield connection


def change(ledger: sqlite3.Connection, reason: str | None = None) -> Change:
    return budget_log.begin(ledger, "me@here (cli)", reason, NOW)


def set_to(ledger: sqlite3.Connection, amount: int, key: Key = DAY) -> str:
    one = change(ledger)
    budgets.set_limit(one, key, amount)
    return last_id(ledger)


def raise_by(ledger: sqlite3.Connection, amount: int, until: int = LATER) -> str:
    budgets.raise_limit(change(ledger), DAY, amount, until)
    return last_id(ledger)


def last_id(ledger: sqlite3.Connection) -> str:
    return budget_log.entries(ledger)[-1].id


def amounts(ledger: sqlite3.Connection, now: int = NOW) -> list[int]:
    return [limit.amount for limit in budgets.active(ledger, now)]


def test_a_limit_replaces_the_one_before_and_leaves_those_of_another_kind(
    ledger: sqlite3.Connection,
) -> None:
    set_to(ledger, 2)
    set_to(ledger, 3)
    others = [Key("week", "usd"), Key("day", "tokens"), Key("day", "usd", "P"),
              Key("day", "usd", None, "a"), Key("day", "usd", "P", "a")]  # fmt: skip
    for key in others:
        set_to(ledger, 7, key)
    found = budgets.active(ledger, NOW, "stop")
    assert found[0] == Limit("day", "usd", 3, "stop", "budget")
    assert [(one.window, one.unit, one.project, one.alias) for one in found[1:]] == [
        ("week", "usd", None, None),
        ("day", "tokens", None, None),
        ("day", "usd", "P", None),
        ("day", "usd", None, "a"),
        ("day", "usd", "P", "a"),
    ]


def test_raises_add_up_until_each_is_over(ledger: sqlite3.Connection) -> None:
    set_to(ledger, 10)
    raise_by(ledger, 1, NOW + 10)
    raise_by(ledger, 2, NOW + 20)
    assert [amounts(ledger, NOW + ms) for ms in (0, 9, 10, 19, 20)] == [
        [13],
        [13],
        [12],
        [12],
        [10],
    ]


def test_a_new_limit_ends_the_raises_of_the_former(ledger: sqlite3.Connection) -> None:
    set_to(ledger, 10)
    raise_by(ledger, 5)
    set_to(ledger, 10)
    assert amounts(ledger) == [10]


def test_another_policy_leaves_amount_raises_and_reasons(ledger: sqlite3.Connection) -> None:
    set_to(ledger, 10)
    budgets.raise_limit(change(ledger, "release"), DAY, 5, LATER)
    budgets.set_policy(change(ledger), DAY, "stop")
    assert budgets.active(ledger, NOW) == [Limit("day", "usd", 15, "stop", "budget")]
    assert [entry.reason for entry in budgets.raises(ledger, NOW)] == ["release"]
    set_to(ledger, 11)
    assert budgets.active(ledger, NOW) == [Limit("day", "usd", 11, "stop", "budget")]


def test_what_is_as_it_should_be_is_no_change(ledger: sqlite3.Connection) -> None:
    set_to(ledger, 10)
    set_to(ledger, 10)
    budgets.set_policy(change(ledger), DAY, "stop")
    budgets.set_policy(change(ledger), DAY, "stop")
    assert len(budget_log.entries(ledger)) == 2


def test_a_removed_limit_is_gone_with_its_raises_and_comes_back_with_them(
    ledger: sqlite3.Connection,
) -> None:
    set_to(ledger, 10)
    raise_by(ledger, 5)
    budgets.remove(change(ledger), DAY)
    assert amounts(ledger) == []
    budgets.undo(change(ledger), None)
    assert amounts(ledger) == [15]


def test_undo_walks_back_by_id_and_an_undone_undo_walks_forward(
    ledger: sqlite3.Connection,
) -> None:
    first, second, third = set_to(ledger, 1), set_to(ledger, 2), raise_by(ledger, 5)
    seen = []
    for id in (third, second, first):
        budgets.undo(change(ledger), id)
        seen.append(amounts(ledger))
    assert seen == [[2], [1], []]
    budgets.undo(change(ledger), None)
    assert amounts(ledger) == [1]
    budgets.undo(change(ledger), None)
    assert amounts(ledger) == []


def test_undo_takes_back_all_that_one_command_changed(ledger: sqlite3.Connection) -> None:
    set_to(ledger, 1)
    one = change(ledger)
    budgets.set_limit(one, DAY, 2)
    budgets.set_limit(one, Key("week", "usd"), 10)
    id = budget_log.entries(ledger)[1].id
    budgets.undo(change(ledger), id[-6:].lower())
    assert amounts(ledger) == [1]
    budgets.undo(change(ledger), None)
    assert amounts(ledger) == [2, 10]


def test_a_change_of_policy_with_raises_is_undone_and_redone_as_one(
    ledger: sqlite3.Connection,
) -> None:
    set_to(ledger, 10)
    raise_by(ledger, 5)
    budgets.set_policy(change(ledger), DAY, "stop")
    for policy in ("downgrade", "stop", "downgrade"):
        budgets.undo(change(ledger), None)
        assert budgets.active(ledger, NOW) == [Limit("day", "usd", 15, policy, "budget")]


def refused(ledger: sqlite3.Connection, id: str | None) -> UsageError:
    before = amounts(ledger)
    with pytest.raises(UsageError) as caught:
        budgets.undo(change(ledger), id)
    assert amounts(ledger) == before
    return caught.value


def test_what_was_overwritten_since_is_not_undone_over_its_head(
    ledger: sqlite3.Connection,
) -> None:
    old, new = set_to(ledger, 1), set_to(ledger, 2)
    error = refused(ledger, old)
    assert error.why.startswith("the same limit was changed after it, by me@here (cli) on 1970")
    assert error.do.endswith(f"lodestar budget undo {new[-8:].lower()}")


def test_one_overwritten_part_keeps_the_whole_change_from_being_undone(
    ledger: sqlite3.Connection,
) -> None:
    one = change(ledger)
    budgets.set_limit(one, DAY, 2)
    budgets.set_limit(one, Key("week", "usd"), 10)
    both = last_id(ledger)
    set_to(ledger, 3)
    refused(ledger, both)
    assert amounts(ledger) == [10, 3]


def test_an_undone_change_and_an_overtaken_undo_are_refused_with_the_way_on(
    ledger: sqlite3.Connection,
) -> None:
    id = set_to(ledger, 1)
    budgets.undo(change(ledger), id)
    back = last_id(ledger)
    error = refused(ledger, id)
    assert (error.why, error.do[-8:]) == ("it is undone already", back[-8:].lower())
    set_to(ledger, 4)
    assert "changed after it" in refused(ledger, back).why


@pytest.mark.parametrize("id", ["zzz", "", "%", "1' OR 1=1"])
def test_an_id_that_no_change_has_is_refused(ledger: sqlite3.Connection, id: str) -> None:
    set_to(ledger, 1)
    assert "no change has an id" in refused(ledger, id).what


def test_an_id_that_several_changes_share_is_refused(ledger: sqlite3.Connection) -> None:
    for amount in range(40):
        set_to(ledger, amount)
    ends = Counter(entry.id[-1] for entry in budget_log.entries(ledger))
    # Of 40 ids some end alike: there are 32 letters.
    assert refused(ledger, ends.most_common()[0][0]).what.startswith("several changes have")


def test_without_a_change_there_is_nothing_to_undo(ledger: sqlite3.Connection) -> None:
    assert "no budget change" in refused(ledger, None).what


def test_a_clock_that_is_set_back_reorders_nothing(ledger: sqlite3.Connection) -> None:
    for wall, amount in ((5000, 1), (3000, 2), (4000, 3)):
        budgets.set_limit(budget_log.begin(ledger, "me", None, wall), DAY, amount)
    assert amounts(ledger) == [3]
    budgets.undo(budget_log.begin(ledger, "me", None, 1), None)
    assert amounts(ledger) == [2]


def test_the_log_is_only_added_to(ledger: sqlite3.Connection) -> None:
    seen: list[tuple[object, ...]] = []
    steps: list[Callable[[], object]] = [
        lambda: set_to(ledger, 1),
        lambda: raise_by(ledger, 2),
        lambda: set_to(ledger, 3),
        lambda: budgets.undo(change(ledger), None),
        lambda: budgets.remove(change(ledger), DAY),
    ]
    for step in steps:
        step()
        rows = [
            tuple(row)
            for row in ledger.execute(
                "SELECT id, action, amount, policy, until_ms, who, reason, undoes, created_ms"
                " FROM budgets ORDER BY rowid"
            )
        ]
        assert rows[: len(seen)] == seen
        seen = rows
    assert [row[1] for row in seen] == ["set", "raise", "set", "undo", "remove"]


def test_what_is_active_is_what_the_log_says_after_any_order_of_changes(
    ledger: sqlite3.Connection,
) -> None:
    """Each step's state is kept by hand; undoing all of it leads back through the same states."""
    states, ids = [amounts(ledger)], []
    for number in range(12):
        if number % 4 == 3:
            budgets.remove(change(ledger), DAY)
            ids.append(last_id(ledger))
        elif number % 4 == 1:
            ids.append(raise_by(ledger, number + 1))
        else:
            ids.append(set_to(ledger, number + 1))
        states.append(amounts(ledger))
    for id in reversed(ids):
        assert amounts(ledger) == states.pop()
        budgets.undo(change(ledger), id)
    assert amounts(ledger) == states.pop() == []


def test_the_limits_are_read_through_an_index(ledger: sqlite3.Connection) -> None:
    """It runs inside each paid call's transaction, however long the history is."""
    plan = ledger.execute(f"EXPLAIN QUERY PLAN {budgets._ACTIVE}").fetchall()
    assert [row["detail"] for row in plan] == [
        "SEARCH budgets USING INDEX budgets_active (active=?)"
    ]
