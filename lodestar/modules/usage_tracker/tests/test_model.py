"""The ledger against a model of it: any order of calls, ends, crashes, clocks and limits."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from lodestar.exchange import Outcome
from lodestar.hookspecs import Refused
from lodestar.modules.usage_tracker import admission, charges, holds, ledger_clock, windows
from lodestar.modules.usage_tracker.audit import audit
from lodestar.modules.usage_tracker.holds import Hold
from lodestar.modules.usage_tracker.limits import Window
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.prices import price_of
from lodestar.modules.usage_tracker.room import USEFUL
from lodestar.settings import Limits, Settings
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.fakes.values import PAID, a_request, a_route, reported, unreported

HOUR_MS = 3_600_000
START_MS = 1_793_000_000_000
WINDOWS: dict[str, Window] = {
    "session_usd": "session",
    "daily_usd": "day",
    "weekly_usd": "week",
    "monthly_usd": "month",
}
ZONES = ("Europe/Berlin", "America/Santiago", "Pacific/Kiritimati", "Asia/Kathmandu")
# A call may cost 15 million at most: a few of them fill a limit.
MOST = 60_000_000
ENDS = ("reported", "unreported", "never sent", "crash", "crash")
NAMES = (
    ("call",) * 6
    + ("end",) * 5
    + ("late_end", "time_passes", "limit") * 2
    + (
        "clock_goes_back",
        "clock_reset",
        "journey",
    )
)
HOURS = (1, 2, 6, 12, 24, 24 * 7, 24 * 31)
ROUTE = a_route(**PAID)


@dataclass
class Call:
    """What the world knows of one call: its hold, what it truly cost, what it counts as."""

    hold: Hold
    truth: int = 0
    counts: int = 0
    at: int = 0


class Ledger(RuleBasedStateMachine):
    """Two sessions share a ledger; the machine keeps books of its own beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store.open(Path(self.folder.name) / "usage.db", [CORE, register_migrations()])
        # The model knows no power failure, and thousands of steps would wait for the disk.
        self.store._connection.execute("PRAGMA synchronous=OFF")
        self.wall, self.high, self.step = START_MS, 0, 0
        self.zone = ZONES[0]
        self.limits = {"session_usd": 50_000_000, "daily_usd": 35_000_000, "weekly_usd": 10**8}
        self.calls: list[Call] = []
        self.open: list[Call] = []
        self.orphans: list[Call] = []
        self.patches = pytest.MonkeyPatch()
        for module in (admission, charges):
            self.patches.setattr(module, "now_ms", lambda: self.wall)

    def teardown(self) -> None:
        self.patches.undo()
        self.store.close()
        self.folder.cleanup()

    @rule(seed=st.integers(0, 2**32))
    def happening(self, seed: int) -> None:
        # Drawn from the seed, since Hypothesis prefers few of several rules and small numbers.
        self.step += 1
        rng = Random(f"{seed}/{self.step}")
        pick, share = rng.randrange(100), rng.uniform(0.01, 1)
        happenings: dict[str, tuple[Any, ...]] = {
            "call": (rng.choice("AB"), rng.randint(1, 1_000)),
            "end": (rng.choice(ENDS), pick, share),
            "late_end": (pick, share, rng.random() < 0.5),
            "time_passes": (rng.choice(HOURS),),
            "clock_goes_back": (rng.randint(1, 72),),
            "clock_reset": (),
            "journey": (rng.choice(ZONES),),
            "limit": (rng.choice(sorted(WINDOWS)), rng.randint(0, MOST)),
        }
        name = rng.choice(NAMES)
        getattr(self, name)(*happenings[name])

    def call(self, session: str, wanted: int) -> None:
        request = a_request(session=session, max_tokens=wanted)
        price = price_of(ROUTE.entry)
        assert price
        asked = holds.worst_case(request, ROUTE, price)
        behind = self.wall < self.high - ledger_clock.MOST_BEHIND_MS
        refused: Refused | None = None
        try:
            found = admission.admit(self.store, self.settings(), request, ROUTE, asked, False)
        except Refused as no:
            refused = no
        if refused:
            least = asked.price.worst(asked.max_input, min(wanted, USEFUL))
            assert behind if refused.limit_source == "clock" else self.is_full(session, least)
            return
        assert isinstance(found, admission.Admitted)
        assert not behind
        self.high = max(self.wall, self.high)
        self.calls.append(Call(found.hold, counts=found.hold.amount, at=found.hold.window_ms))
        for name, limit in self.limits.items():
            assert self.counted(name, session, self.high) <= limit
        self.open.append(self.calls[-1])

    def end(self, how: str, pick: int, share: float) -> None:
        if not self.open:
            return
        call = self.open.pop(pick % len(self.open))
        if how == "reported":
            self.settle(call, reported(*self.tokens(call, share)))
        elif how == "unreported":
            call.truth = call.hold.amount
            self.settle(call, unreported())
        elif how == "never sent":
            self.settle(call, Outcome("error", sent=False))
        else:
            call.truth = int(call.hold.amount * share)
            self.orphans.append(call)
            with self.store.write() as connection:
                connection.execute("UPDATE holds SET owner = ':1:0' WHERE id = ?", (call.hold.id,))

    def late_end(self, pick: int, share: float, swept: bool) -> None:
        if swept:
            charges.sweep_orphans(self.store)
        if self.orphans:
            call = self.orphans.pop(pick % len(self.orphans))
            self.settle(call, reported(*self.tokens(call, share)))

    def time_passes(self, hours: int) -> None:
        self.wall += hours * HOUR_MS

    def clock_goes_back(self, hours: int) -> None:
        self.wall -= hours * HOUR_MS

    def clock_reset(self) -> None:
        with self.store.write() as connection:
            ledger_clock.reset(connection, self.wall)
        self.high = self.wall if self.calls else 0
        for call in self.calls:
            call.at = min(call.at, self.wall)

    def journey(self, zone: str) -> None:
        self.zone = zone

    def limit(self, name: str, amount: int) -> None:
        self.limits[name] = amount

    @invariant()
    def every_sum_is_that_of_its_rows(self) -> None:
        assert audit(self.store).findings == ()

    @invariant()
    def the_ledger_is_never_below_the_truth(self) -> None:
        (charged,) = self.store.rows("SELECT coalesce(sum(cash_nano), 0) FROM charges")
        (held,) = self.store.rows(
            "SELECT coalesce(sum(amount_nano), 0) FROM holds WHERE state = 'held'"
        )
        assert charged[0] + held[0] == sum(call.counts for call in self.calls)
        assert all(call.counts >= call.truth for call in self.calls)

    def settings(self) -> Settings:
        given = {name: f"{amount / 10**9:.9f}" for name, amount in self.limits.items()}
        limits = Limits(**given, wait_s=0)  # type: ignore[arg-type]
        return Settings(limits=limits, timezone=self.zone)

    def is_full(self, session: str, least: int) -> bool:
        """Whether some limit has no room for so much."""
        moment = max(self.wall, self.high)
        return any(
            self.counted(name, session, moment) + least > limit
            for name, limit in self.limits.items()
        )

    def counted(self, name: str, session: str, moment: int) -> int:
        """What counts against a limit by the machine's own books."""
        if WINDOWS[name] == "session":
            mine = [call for call in self.calls if call.hold.request.session == session]
        else:
            start, _ = windows.bounds(WINDOWS[name], moment, ZoneInfo(self.zone))
            mine = [call for call in self.calls if call.at >= start]
        return sum(call.counts for call in mine)

    def tokens(self, call: Call, share: float) -> tuple[int, int]:
        used = max(1, int(call.hold.max_input * share)), int(call.hold.max_output * share)
        call.truth = call.hold.price.of(*used)
        return used

    def settle(self, call: Call, outcome: Outcome) -> None:
        charges.settle(self.store, call.hold, outcome)
        call.counts = call.truth


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Ledger,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            # To shrink a failure takes minutes; its steps are printed as they are.
            phases=(Phase.generate,),
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_order_of_events_breaks_the_ledger() -> None:
    run(examples=15, steps=60)


@pytest.mark.slow
def test_no_order_of_five_thousand_events_breaks_the_ledger() -> None:
    run(examples=100, steps=50)
