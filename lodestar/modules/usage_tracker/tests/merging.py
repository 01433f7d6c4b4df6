"""Another machine with paid work on it, whose log is merged into this one's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lodestar.clock import now_ms
from lodestar.modules.usage_tracker import charges, holds
from lodestar.modules.usage_tracker.audit import audit
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.tests.filled import CLAUDE, Filled
from lodestar.modules.usage_tracker.tests.money import a_hold, limited, spend
from lodestar.paths import Home
from lodestar.store.exchanges import open_exchange
from lodestar.store.purge import row_counts
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.cli.conftest import Cli
from tests.fakes.values import a_request, reported, unreported

Export = Callable[[str], Path]
SETS = [CORE, register_migrations()]
NANO = 10**9
Line = dict[str, Any]


class Other:
    """Another machine, with paid work that ended in every way."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.root = root
        self.store = Store.open(self.home.database, SETS)
        start_session(self.store, self.home, Session("S1", root / "shop", "default", "main", 1))
        self.ids = [
            self.call(lambda request: spend(self.store, reported(30, 900), limited(), request))
        ]
        self.ids.append(
            self.call(lambda request: spend(self.store, unreported(), limited(), request))
        )
        self.orphan: holds.Hold | None = None
        self.ids.append(self.call(self._orphan))

    def call(self, paid: Callable[[Any], Any]) -> str:
        request = a_request(session="S1")
        open_exchange(self.store, request, [("user", "hello", 5)])
        paid(request)
        sql = "UPDATE exchanges SET status = 'ok' WHERE id = ?"
        with self.store.write() as connection:
            connection.execute(sql, (request.id,))
        return request.id

    def _orphan(self, request: Any) -> None:
        self.orphan = a_hold(self.store, limited(), request)
        with self.store.write() as connection:
            connection.execute("UPDATE holds SET owner = ':1:0' WHERE state = 'held'")
        charges.sweep_orphans(self.store)

    def export(self, cli: Cli, home: Home, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = self.root / name
        monkeypatch.setenv("LODESTAR_HOME", str(self.root))
        assert cli("data", "export", "--out", str(path)).code == 0
        monkeypatch.setenv("LODESTAR_HOME", str(home.root))
        return path


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    made = Other(tmp_path / "other")
    yield made
    made.store.close()


@pytest.fixture
def export(other: Other, cli: Cli, home: Home, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Write the other machine's log out."""
    return lambda name: other.export(cli, home, name, monkeypatch)


def sums(store: Store) -> tuple[int, int]:
    """Cash and limited tokens of the roll-ups, once they are the charges'."""
    assert audit(store).findings == ()
    row = store.row(
        "SELECT coalesce(sum(cash_nano), 0), coalesce(sum(limited_tokens), 0) FROM rollup"
    )
    assert row
    return row[0], row[1]


def here(home: Home) -> tuple[int, int]:
    with Store.open(home.database, SETS) as store:
        return sums(store)


def counts(home: Home) -> dict[str, int]:
    with Store.open(home.database, SETS) as store, store.read() as connection:
        return dict(row_counts(connection))


def ours(home: Home) -> None:
    """Work of this machine, of the same moments."""
    with Store.open(home.database, SETS) as store:
        Filled(store).call(now_ms(), None, CLAUDE, cash=NANO)
        with store.write() as connection:
            connection.execute("UPDATE attempts SET billing = 'payg', tier = 4")


def lines(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def written(path: Path, *said: Line) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in said))
    return path
