"""What Aider's files say of money: counted once, on its day, and taken back without a trace."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lodestar.clock import now_ms
from lodestar.hookspecs import Refused
from lodestar.modules.usage_tracker.audit import audit
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.tests.money import limited, spend
from lodestar.modules.usage_tracker.tests.usage_cli import as_json, filled, worked
from lodestar.paths import Home
from lodestar.store.migrations import Purge
from lodestar.store.purge import purge
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.cli.aider_files import STARTED, chat, event, message, session
from tests.cli.conftest import Cli, cli, home
from tests.fakes.values import reported

__all__ = ["cli", "filled", "home", "worked"]
SETS = [CORE, register_migrations()]
DAY_MS = 86_400_000
NANO = 10**9


def rollup(home: Home) -> list[tuple[Any, ...]]:
    with Store.open(home.database, SETS) as store:
        assert audit(store).findings == ()
        return [tuple(row) for row in store.rows("SELECT * FROM rollup ORDER BY 1, 2, 3, 4, 5, 6")]


def charges(home: Home) -> list[dict[str, Any]]:
    with Store.open(home.database, SETS) as store:
        return [dict(row) for row in store.rows("SELECT * FROM charges ORDER BY window_ms")]


def test_cash_is_what_the_file_states_and_nothing_else(
    cli: Cli, home: Home, tmp_path: Path
) -> None:
    local = session(STARTED + timedelta(hours=1), "ollama_chat/qwen") + message("x", cost=None)
    paid = session() + message("one", cost="0.0067") + message("two", cost=None)
    path = chat(tmp_path / "p", paid, local)
    assert dict(cli("data", "import", str(path)).rows)["without a price"] == "1"
    first, second, free = charges(home)
    assert (first["cash_nano"], first["list_nano"], first["usage_source"]) == (
        *(6_700_000, 6_700_000),
        "estimated",
    )
    assert (second["cash_nano"], second["list_nano"], second["billing"]) == (0, None, "payg")
    assert (free["cash_nano"], free["billing"], free["tier"], free["limited_tokens"]) == (
        *(0, "local", 1),
        0,
    )
    assert first["window_ms"] == int(STARTED.timestamp() * 1000)
    assert first["reason"] == "imported: as Aider wrote it down"
    rollup(home)
    total = as_json(cli, "usage", "--since", "30d")["totals"]
    assert total["calls"] == 3
    assert total["unpriced_calls"] == 1


def test_sums_stay_right_through_import_again_and_undo(
    cli: Cli, home: Home, worked: Any, tmp_path: Path
) -> None:
    path = chat(tmp_path / "p", session(), message("one"))
    log = tmp_path / "p" / "log.jsonl"
    at = STARTED + timedelta(hours=5)
    log.write_text("".join(event(at, cost=0.1 + n / 1e9) for n in range(120)))
    before = rollup(home)
    cli("data", "import", str(path), str(log))
    after = rollup(home)
    assert sum(row["cash_nano"] for row in charges(home)) - worked.cash == (
        6_700_000 + 120 * NANO // 10 + sum(range(120))
    )
    with path.open("a") as stream:
        stream.write(message("two"))
    cli("data", "import", str(path), str(log))
    assert rollup(home) != after
    for row in cli("data", "import").rows:
        assert cli("data", "import", "--undo", row[0]).code == 0
    assert rollup(home) == before
    assert cli("data", "audit").code == 0


def test_what_was_spent_long_ago_is_not_spent_today(cli: Cli, home: Home, tmp_path: Path) -> None:
    """A limit counts what was spent in its window, whoever wrote it down."""
    settings = limited(daily_usd="5")
    old = chat(
        tmp_path / "p", session(datetime.now() - timedelta(days=40)), message("x", cost="9.00")
    )
    cli("data", "import", str(old))
    with Store.open(home.database, SETS) as store:
        spend(store, reported(10, 1), settings)
    today = chat(tmp_path / "q", session(datetime.now()), message("y", cost="5.00"))
    cli("data", "import", str(today))
    with Store.open(home.database, SETS) as store, pytest.raises(Refused, match="limit"):
        spend(store, reported(10, 1), settings)
    cli("data", "import", "--undo", cli("data", "import").rows[0][0])
    with Store.open(home.database, SETS) as store:
        spend(store, reported(10, 1), settings)


def test_what_was_purged_is_in_the_sums_once_and_for_ever(
    cli: Cli, home: Home, tmp_path: Path
) -> None:
    old = chat(tmp_path / "p", session(STARTED - timedelta(days=200)), message("x", cost="9.00"))
    cli("data", "import", str(old))
    with Store.open(home.database, SETS) as store:
        purge(store, SETS, Purge(before_ms=now_ms() - 90 * DAY_MS))
    before = rollup(home)
    assert charges(home) == []
    assert [row[before[0].index(9 * NANO)] for row in before] == [9 * NANO]
    assert dict(cli("data", "import", str(old)).rows)["known already"] == "1"
    done = cli("data", "import", "--undo", cli("data", "import").rows[0][0])
    assert "1 more stay in the sums" in done.err
    assert dict(cli("data", "import", str(old)).rows)["known already"] == "1"
    assert rollup(home) == before


def test_history_from_before_the_last_purge_can_be_taken_in_and_undone(
    cli: Cli, home: Home, tmp_path: Path
) -> None:
    with Store.open(home.database, SETS) as store:
        purge(store, SETS, Purge(before_ms=now_ms() - 90 * DAY_MS))
    old = chat(tmp_path / "p", session(STARTED - timedelta(days=200)), message("x", cost="9.00"))
    cli("data", "import", str(old))
    assert len(rollup(home)) == 1
    cli("data", "import", "--undo", cli("data", "import").rows[0][0])
    assert rollup(home) == []


def test_an_import_that_was_interrupted_is_finished_by_the_next_one(
    cli: Cli, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(event(STARTED, cost=0.01) for _ in range(130)))

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lodestar.imports.taking.time.sleep", interrupted)
    assert cli("data", "import", str(log)).code == 130
    assert len(charges(home)) == 50
    monkeypatch.undo()
    monkeypatch.setenv("LODESTAR_HOME", str(home.root))
    said = dict(cli("data", "import", str(log)).rows)
    assert (said["new"], said["known already"]) == ("80", "50")
    assert sum(row["cash_nano"] for row in charges(home)) == 130 * NANO // 100
    rollup(home)
