"""A restore says which exchanges it could not bring back, as far as anybody knows."""

from __future__ import annotations

import pytest

from lodestar.clock import now_ms
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.tests.money import limited, spend
from lodestar.paths import Home
from lodestar.store import backup, restore
from lodestar.store.exchanges import open_exchange
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.cli.conftest import Cli, cli, home
from tests.fakes import ledgers
from tests.fakes.values import a_request, reported

__all__ = ["cli", "home"]
SETS = [CORE, register_migrations()]


@pytest.fixture
def asked(home: Home) -> tuple[str, str, str]:
    """Ids of exchanges: one that the backup has, a paid one after it, a free one after it."""
    ids = []
    for number in range(3):
        with Store.open(home.database, SETS) as store:
            request = a_request(session=None)
            open_exchange(store, request, [])
            if number < 2:
                spend(store, reported(30, 900), limited(), request)
        ids.append(request.id)
        if number == 0:
            backup.back_up(home.database, backup.today(home, None))
    return (ids[0], ids[1], ids[2])


@pytest.mark.parametrize(
    ("disaster", "known"), [(ledgers.deleted, 1), (ledgers.header_zeroed, 1), (ledgers.older, 2)]
)
def test_what_the_backup_lacks_is_named(
    disaster: ledgers.Disaster, known: int, home: Home, asked: tuple[str, str, str]
) -> None:
    """Of a free one the old file alone knows, where it can still be read."""
    disaster(home.database)
    done = restore.restore(home, restore.plan(home), SETS)
    assert [one.id for one in done.exchanges] == list(asked[1 : 1 + known])
    assert done.exchanges[0].alias == ("m" if known == 2 else "paid-model")
    assert abs(done.exchanges[0].at_ms - now_ms()) < 600_000
    with Store.open(home.database, SETS) as store:
        assert store.rows("SELECT count(*) FROM charges")[0][0] == 2


def test_the_command_counts_and_lists_them(
    cli: Cli, home: Home, asked: tuple[str, str, str]
) -> None:
    ledgers.older(home.database)
    done = cli("data", "restore", "--yes")
    assert done.code == 0, done.err
    assert "2 exchanges are in the log no more, as far as can be known" in done.err
    for id in asked[1:]:
        assert f"  m  {id}" in done.err
    assert asked[0] not in done.err
