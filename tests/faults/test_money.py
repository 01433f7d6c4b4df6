"""Whatever call of the database fails on the way of a paid call: no limit is passed, none lost.

Two calls of a session whose limit has room for one, and the hold of a process that died.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lodestar.errors import LedgerError
from lodestar.exchange import Outcome
from lodestar.hookspecs import Refused
from lodestar.modules.usage_tracker.audit import audit
from lodestar.modules.usage_tracker.charges import sweep_orphans
from lodestar.modules.usage_tracker.gate import attempt_gate
from lodestar.modules.usage_tracker.tests.money import WORST, a_hold, limited
from lodestar.store.store import Store
from tests.fakes.invariants import open_store
from tests.fakes.values import PAID, a_request, a_route, reported, unreported
from tests.faults.seams import LocalPlan, installed, rounds

LIMIT = WORST + WORST // 5
LIMITED = limited(session_usd=f"{LIMIT / 10**9:.9f}")
GONE = ":1:0"
OUTCOMES: dict[str, Callable[[int, int], Outcome]] = {
    "reported": reported,
    "unreported": lambda *_: unreported(),
    "lost": lambda *_: Outcome("error"),
}
COUNTED = """
    SELECT (SELECT coalesce(sum(cash_nano), 0) FROM charges WHERE session_id = :session)
    + (SELECT coalesce(sum(amount_nano), 0) FROM holds
       WHERE state = 'held' AND session_id = :session)
"""


@dataclass
class World:
    """The database of a round, and what the provider billed to each session."""

    store: Store
    plan: LocalPlan
    outcome: Callable[[int, int], Outcome]
    billed: dict[str, int] = field(default_factory=dict)

    def leave_an_orphan(self, session: str) -> None:
        """A call that was billed, by a process that died before it could say so."""
        hold = a_hold(self.store, request=a_request(session=session))
        with self.store.write() as connection:
            connection.execute("UPDATE holds SET owner = ? WHERE id = ?", (GONE, hold.id))
        self.billed[session] = WORST * 9 // 10

    async def call(self, session: str) -> None:
        """A paid call; what is inside the gate is what the provider sees."""
        request = a_request(session=session)
        with contextlib.suppress(sqlite3.Error, LedgerError, Refused):
            async with attempt_gate(request, a_route(**PAID), self.store, LIMITED, None) as gate:
                assert gate.max_output
                tokens = 100, gate.max_output * 9 // 10
                bill = tokens[0] * 3_000 + tokens[1] * 15_000
                self.billed[session] = self.billed.get(session, 0) + bill
                await asyncio.sleep(0)
                gate.finish(self.outcome(*tokens))

    def two_calls(self, session: str) -> None:
        """At the same time, so that the second one meets the hold of the first."""

        async def run() -> None:
            await asyncio.gather(self.call(session), self.call(session))

        asyncio.run(run())

    def check(self, session: str) -> None:
        """Nothing fails any more: what holds for the round, and for all before it."""
        # By another connection, which sees what is committed and nothing else.
        with open_store(self.store.path.parent) as store:
            sweep_orphans(store)
            counted = _counted(store, session)
            assert self.billed.get(session, 0) <= counted <= LIMIT
            for orphan in (name for name in self.billed if name.startswith("orphan")):
                assert _counted(store, orphan) == WORST >= self.billed[orphan]
            assert not store.rows("SELECT 1 FROM holds WHERE state = 'held' AND owner = ?", [GONE])
            assert audit(store).findings == ()
            assert store.rows("PRAGMA integrity_check")[0][0] == "ok"


def _counted(store: Store, session: str) -> int:
    row = store.row(COUNTED, {"session": session})
    assert row
    return int(row[0])


@pytest.fixture(params=OUTCOMES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with open_store(tmp_path):
        pass
    plan = LocalPlan()
    with installed("database", plan), open_store(tmp_path) as store:
        yield World(store, plan, OUTCOMES[request.param])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_no_failing_call_passes_a_limit_or_loses_what_was_billed(world: World, after: bool) -> None:
    world.leave_an_orphan("orphan0")
    for number in rounds(world.plan, after):
        session = f"S{number}"
        world.two_calls(session)
        world.plan.disarm()
        world.check(session)
        world.two_calls(f"next{number}")
        assert world.billed[f"next{number}"], "the next session is not open for work"
        world.leave_an_orphan(f"orphan{number}")
    assert number > 20
