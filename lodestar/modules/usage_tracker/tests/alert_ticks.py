"""Ticks, paid calls and changes of limits for tests of alerts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pytest_mock import MockerFixture

from lodestar.clock import now_ms
from lodestar.modules.usage_tracker import admission, alerts, budget_log, budgets, charges
from lodestar.modules.usage_tracker.budget_log import Key
from lodestar.modules.usage_tracker.plugin import session_event
from lodestar.modules.usage_tracker.tests.money import spend
from lodestar.settings import Limits, Settings
from lodestar.store.store import Store
from tests.fakes.values import a_request, reported

BERLIN = ZoneInfo("Europe/Berlin")
NANO = 10**9
DAY = Key("day", "usd", None, None)


def settings(modules: dict[str, Any] | None = None, **limits: Any) -> Settings:
    mine = {"usage_tracker": modules} if modules else {}
    return Settings(limits=Limits(wait_s=0, **limits), timezone="Europe/Berlin", modules=mine)


def pay(store: Store, usd: float, session: str = "S1", **entry: Any) -> None:
    """One paid call that costs so much, of one token a tenth of a cent."""
    tokens = round(usd * 1000)
    price = {"price_in": "0", "price_out": "1000", "max_output": tokens}
    spend(store, reported(1, tokens), None, a_request(session=session), **price, **entry)


def tick(store: Store, found: Settings, session: str = "S1") -> list[tuple[str, str]]:
    """Level and text of the notices."""
    said = session_event(session, {"type": "tick"}, store, found)
    return [(one["level"], one["text"]) for one in said or []]


def texts(store: Store, found: Settings, session: str = "S1") -> list[str]:
    """The notices without what they project."""
    return [text.partition(";")[0] for _, text in tick(store, found, session)]


def rows(store: Store) -> list[tuple[int, bool]]:
    """The thresholds written down, and whether they were told."""
    found = store.rows("SELECT threshold, text FROM alerts ORDER BY rowid")
    return [(row["threshold"], bool(row["text"])) for row in found]


Clock = Callable[[str], None]


@pytest.fixture
def at(mocker: MockerFixture) -> Clock:
    """Sets the system's clock, as the ledger sees it, to a time in Berlin."""

    def set_to(text: str) -> None:
        ms = int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)
        for module in (admission, charges, alerts):
            mocker.patch.object(module, "now_ms", return_value=ms)

    set_to("2026-11-24 10:00")
    return set_to


def change(store: Store, key: Key, amount: float) -> None:
    """Set a budget, as `lodestar budget` does."""
    with store.write() as connection:
        begun = budget_log.begin(connection, "me", None, now_ms())
        budgets.set_limit(begun, key, round(amount * NANO))
        connection.execute("UPDATE store_state SET value = value + 1 WHERE key = 'sequence'")


def raise_by(store: Store, key: Key, amount: float, until: str) -> None:
    with store.write() as connection:
        begun = budget_log.begin(connection, "me", None, now_ms())
        ms = int(datetime.fromisoformat(until).replace(tzinfo=BERLIN).timestamp() * 1000)
        budgets.raise_limit(begun, key, round(amount * NANO), ms)
        connection.execute("UPDATE store_state SET value = value + 1 WHERE key = 'sequence'")
