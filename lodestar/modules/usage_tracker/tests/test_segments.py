"""What the status line says of money and tokens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pytest_mock import MockerFixture

from lodestar.clock import now_ms
from lodestar.modules.usage_tracker import budget_log, budgets, segments
from lodestar.modules.usage_tracker.budget_log import Key
from lodestar.modules.usage_tracker.charges import Against
from lodestar.modules.usage_tracker.gate import attempt_gate
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.prices import Price
from lodestar.modules.usage_tracker.segments import count_text
from lodestar.modules.usage_tracker.tests.money import limited, spend
from lodestar.settings import Settings
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.fakes.values import FREE, PAID, a_request, a_route, reported, unreported

SONNET: Against = ("claude-sonnet", Price(3_000, 15_000))
DAY_MS = 86_400_000


def said(
    store: Store, settings: Settings | None = None, session: str = "S1", **entry: Any
) -> list[str]:
    """The texts for a session whose next message goes to a free model, or to that of `entry`."""
    route = a_route("paid-model" if entry else "local", **(entry or FREE))
    found = segments.status(session, route, store, settings or Settings())
    return list(found.get("parts", ()))


def free(store: Store, input: int, output: int, session: str = "S1") -> None:
    """One free call that is compared with a paid model."""

    async def run() -> None:
        request = a_request(session=session)
        what = (request, a_route("local", **FREE), store, Settings(), SONNET)
        async with attempt_gate(*what) as gate:
            gate.finish(reported(input, output))

    asyncio.run(run())


def budget(store: Store, key: Key, amount: int) -> None:
    """`lodestar budget set`."""
    with store.write() as connection:
        change = budget_log.begin(connection, "test", None, now_ms())
        budgets.set_limit(change, key, amount, "ask")


def test_a_session_that_used_nothing_says_nothing(store: Store) -> None:
    assert said(store) == []
    assert said(store, **PAID) == []


def test_free_work_has_tokens_and_what_it_avoided_and_costs_nothing(store: Store) -> None:
    free(store, 1000, 400)
    assert said(store) == ["today $0.00", "1.4k tokens", "avoided $0.009"]


def test_nothing_is_avoided_where_no_model_is_set_to_compare_with(store: Store) -> None:
    free(store, 1000, 400)
    alone = Settings(modules={"usage_tracker": {"compare_with": None}})
    assert said(store, alone) == ["today $0.00", "1.4k tokens"]


def test_money_is_shown_against_the_limits_of_session_and_day(store: Store) -> None:
    spend(store, reported(30, 900))
    free(store, 10, 10, session="other")
    assert said(store) == ["session $0.0136", "today $0.0136", "930 tokens"]
    both = limited(session_usd="0.50", daily_usd=2, monthly_usd=30)
    assert said(store, both) == ["session $0.0136/$0.50", "today $0.0136/$2.00", "930 tokens"]
    assert said(store, both, session="other")[:2] == ["session $0.00/$0.50", "today $0.0136/$2.00"]


def test_a_limit_that_is_nearly_used_up_comes_first_whatever_its_window(store: Store) -> None:
    spend(store, reported(30, 900))
    assert said(store, limited(session_usd=1, daily_usd="0.015", monthly_usd="0.0137")) == [
        "this month $0.0136/$0.0137 (99 %)",
        "today $0.0136/$0.015 (90 %)",
        "session $0.0136/$1.00",
        "930 tokens",
    ]
    assert said(store, limited(daily_usd="0.01"))[0] == "today $0.0136/$0.01 (135 %)"


def test_a_limit_of_tokens_or_of_one_model_says_so(store: Store) -> None:
    spend(store, reported(30, 900))
    budget(store, Key("day", "usd", None, "paid-model"), 10**9)
    tokens = limited(session_tokens=200_000)
    assert said(store, tokens, **PAID) == [
        "session 930/200k paid tokens",
        "today paid-model $0.0136/$1.00",
        "session $0.0136",
        "930 tokens",
    ]
    # It holds for that model only.
    assert said(store, tokens)[1:3] == ["session $0.0136", "today $0.0136"]


def test_a_limit_of_nothing_is_no_measure(store: Store) -> None:
    free(store, 1, 1)
    assert said(store, limited(daily_usd=0))[0] == "today $0.00"


def test_tokens_that_were_guessed_are_marked(store: Store) -> None:
    spend(store, unreported())
    assert said(store)[-1] == "~15 tokens"


def test_a_new_day_begins_at_nothing(store: Store, mocker: MockerFixture) -> None:
    spend(store, reported(30, 900))
    limits = limited(daily_usd=2)
    assert said(store, limits)[0] == "today $0.0136/$2.00"
    tomorrow = now_ms() + DAY_MS
    mocker.patch.object(segments, "now_ms", return_value=tomorrow)
    assert said(store, limits) == ["today $0.00/$2.00", "session $0.0136", "930 tokens"]


def test_while_nothing_changes_the_database_is_asked_for_nothing_but_that(store: Store) -> None:
    settings = limited(daily_usd=2)
    free(store, 10, 10)
    before = said(store, settings)
    asked: list[str] = []
    with store.read() as connection:
        connection.set_trace_callback(asked.append)
    assert said(store, settings) == before
    assert asked == ["PRAGMA data_version"]
    with Store.open(store.path, [CORE, register_migrations()]) as other:
        spend(other, reported(30, 900))
    assert said(store, settings) != before
    free(store, 10, 10)
    assert said(store, settings)[-2] == "970 tokens"


def test_a_database_that_cannot_be_trusted_says_nothing(store: Store) -> None:
    free(store, 10, 10)
    store.path.rename(store.path.with_name("elsewhere.db"))
    assert said(store) == []


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1k"), (1449, "1.4k"), (99_999, "99.9k"), (123_456, "123k"),
     (999_999, "999k"), (1_250_000, "1.2M"), (7 * 10**9, "7G")],
)  # fmt: skip
def test_a_number_of_tokens_is_short_and_never_too_large(count: int, text: str) -> None:
    assert count_text(count) == text
