"""`/usage` and `/budget` at Aider's prompt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lodestar.control import Asked, Reply, SlashCommand
from lodestar.errors import LedgerError, UsageError
from lodestar.modules.usage_tracker.budget_log import Key
from lodestar.modules.usage_tracker.plugin import control_actions
from lodestar.modules.usage_tracker.tests.money import a_hold, limited, spend
from lodestar.modules.usage_tracker.tests.test_segments import budget, free
from lodestar.paths import Home
from lodestar.settings import Settings
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.fakes.values import a_request, reported, unreported


def run(store: Store, name: str, settings: Settings | None = None, argument: str = "") -> Reply:
    """What the shim does with the command."""
    commands = [one for one in control_actions(Settings()) if isinstance(one, SlashCommand)]
    found = {one.name: one for one in commands}[name]
    return found.run(Asked("S1", argument, None, False, store, settings or Settings()))


def lines(store: Store, name: str, settings: Settings | None = None) -> list[str]:
    """Its lines; it asks nothing and changes nothing."""
    reply = run(store, name, settings)
    assert (reply.question, dict(reply.effect)) == (None, {})
    return list(reply.lines)


def table(store: Store) -> dict[str, list[str]]:
    """The figures by title: this session's and today's."""
    rows = [re.split(r" {2,}", line.strip()) for line in lines(store, "usage")[:8]]
    return {row[0]: row[1:] for row in rows[1:]}


def test_usage_shows_three_figures_and_adds_none_to_another(store: Store) -> None:
    free(store, 1000, 400)
    spend(store, reported(30, 900))
    free(store, 5, 5, session="another")
    assert table(store) == {
        "calls": ["2", "3"],
        "free": ["50%", "67%"],
        "tokens in": ["1,030", "1,035"],
        "tokens out": ["1,300", "1,305"],
        "cash": ["$0.0136", "$0.0136"],
        "list": ["$0.0136", "$0.0136"],
        "avoided": ["$0.009", "$0.009"],
    }
    said = lines(store, "usage")
    assert said[0].split() == ["this", "session", "today"]
    assert len({len(line) for line in said[:8]}) == 1
    assert said[8:] == [
        "cash: what you pay. list: the same calls at list prices, where there is one.",
        "avoided: what the free calls would have cost at the prices of claude-sonnet.",
    ]


def test_usage_of_a_session_without_calls_claims_nothing(store: Store) -> None:
    said = table(store)
    assert said["calls"] == ["0", "0"]
    assert said["cash"] == ["$0.00", "$0.00"]
    assert said["free"] == said["list"] == said["avoided"] == ["-", "-"]
    assert len(lines(store, "usage")) == 8


def test_usage_says_what_is_unknown_estimated_or_a_worst_case(store: Store) -> None:
    spend(store, unreported())
    said = lines(store, "usage")
    assert "the tokens of 1 of this session's calls are estimated" in said
    assert "of today's cash is a worst case: no usage was reported for it" in said[9]
    assert table(store)["avoided"] == ["-", "-"]


def test_budget_draws_what_holds_in_this_session(store: Store, tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name, id in (("mine", "S1"), ("theirs", "S2")):
        session = Session(id, tmp_path / name, "default", None, 1, limits={})
        if id == "S1":
            money = {"session_usd": ("0.05", "flag --budget")}
            session = Session(id, tmp_path / name, "default", None, 1, limits=money)
        start_session(store, home, session)
    projects = {row["root"]: row["id"] for row in store.rows("SELECT id, root FROM projects")}
    budget(store, Key("day", "usd"), 40_000_000)
    budget(store, Key("week", "usd", projects[str(tmp_path / "theirs")]), 10**9)
    budget(store, Key("month", "usd", projects[str(tmp_path / "mine")]), 10**9)
    spend(store, reported(30, 900))
    a_hold(store)
    said = lines(store, "budget", limited(session_usd="0.05"))
    assert said[0].startswith("session ")
    assert said[0].endswith("[=====:::::::--------]  27%  $0.0136 of $0.05")
    assert said[1].endswith("held by calls that run, of session s1")
    assert said[2] == "    at the limit: downgrade; from flag --budget"
    assert said[3].startswith("day ")
    assert said[5] == "    at the limit: ask; from lodestar budget"
    assert said[6].startswith(f"month in {tmp_path}/mine  [")
    assert len(said) == 9


def test_budget_without_limits_says_how_one_is_set(store: Store) -> None:
    assert lines(store, "budget") == [
        "no limit is set on what paid models may take; set one:"
        " !lodestar budget set --daily 2 --monthly 30"
    ]
    assert lines(store, "budget", limited(free_only=True))[0].startswith("free only: paid models")


@pytest.mark.parametrize("name", ["usage", "budget"])
def test_the_commands_only_show(store: Store, name: str) -> None:
    before = store.rows("SELECT value FROM store_state WHERE key = 'sequence'")[0][0]
    with pytest.raises(UsageError, match=f"/{name} takes nothing after it"):
        run(store, name, argument="set 5")
    run(store, name)
    assert store.rows("SELECT value FROM store_state WHERE key = 'sequence'")[0][0] == before


@pytest.mark.parametrize("name", ["usage", "budget"])
def test_figures_of_a_database_that_is_gone_are_not_shown(store: Store, name: str) -> None:
    spend(store, reported(30, 900), request=a_request())
    store.path.rename(store.path.with_name("elsewhere.db"))
    with pytest.raises(LedgerError):
        run(store, name)


@pytest.mark.parametrize("name", ["usage", "budget"])
def test_a_ledger_without_its_tables_is_one_clear_error(store: Store, name: str) -> None:
    with store.write() as connection:
        connection.execute("DROP TABLE ledger_clock")
    with pytest.raises(LedgerError, match="the ledger cannot be read") as caught:
        run(store, name)
    assert "no such table" in caught.value.why
