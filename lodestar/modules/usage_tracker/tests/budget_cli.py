"""Running `lodestar budget` in tests, and money that was spent before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.tests.money import limited, spend
from lodestar.paths import Home
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.cli.conftest import Cli, Result
from tests.fakes.values import a_request, reported

UNDO = "undo: lodestar budget undo"


@pytest.fixture
def ledger(home: Home) -> Iterator[Store]:
    """The database that the commands use."""
    with Store.open(home.database, [CORE, register_migrations()]) as opened:
        yield opened


def spent(store: Store, session: str | None = "S1") -> None:
    """One paid call of $0.01359."""
    spend(store, reported(30, 900), limited(), a_request(session=session))


def data(result: Result, schema: str) -> Any:
    """What a command printed as JSON under that schema's name."""
    assert result.code in (0, 3), result.err
    found = json.loads(result.out)
    assert found["schema"] == f"lodestar.{schema}/1"
    return found["data"]


def shown(cli: Cli) -> dict[str, dict[str, Any]]:
    """The limits by window."""
    return {row["window"]: row for row in data(cli("budget", "show", "--json"), "budget")}
