"""Many requests at once, to many sessions, against a limit that fits some of them."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lodestar.modules.usage_tracker.limits import Policy
from tests.fakes import fleet
from tests.fakes.chaos import Chaos
from tests.fakes.fleet import PRICE_OUT, Fleet
from tests.fakes.invariants import InvariantError, check_ended, committed, open_store
from tests.fakes.shim_client import wait_for
from tests.fakes.upstream import Upstream

SESSIONS, EACH = 8, 4
# Below 256 tokens an answer is of no use, so none of these is sent with a lower cap.
CAP = 256
DOLLAR = 10**9
REFUSED = (400, "budget_exceeded")
ANSWERED = (200, "")


@dataclass(frozen=True)
class Place:
    """Real shims, the paid provider, and the limit that they share."""

    home: Path
    shims: Fleet
    chaos: Chaos

    def worst(self) -> int:
        """The most that one call holds, nano-dollars: that of the longest request."""
        fleet.set_daily(self.home, DOLLAR)
        assert self.shims.ask(0, "negusage", CAP, False)[0] == 200
        with open_store(self.home) as store:
            (row,) = store.rows("SELECT amount_nano FROM holds ORDER BY id DESC LIMIT 1")
        return int(row["amount_nano"])

    def limit(self, more: int, policy: Policy = "ask") -> int:
        """A daily limit of so much above what is spent."""
        with open_store(self.home) as store:
            amount = committed(store) + more
        fleet.set_daily(self.home, amount, policy)
        return amount

    def storm(
        self, mode: str, count: int = SESSIONS * EACH, at_once: int = SESSIONS * EACH
    ) -> collections.Counter[tuple[int, str]]:
        """So many requests; how many ended with which status and error."""
        sessions = len(self.shims.all())

        def ask(number: int) -> tuple[int, str]:
            status, error = self.shims.ask(number % sessions, mode, CAP, number % 3 > 0)
            return status, str(error.get("code", ""))

        with ThreadPoolExecutor(at_once) as pool:
            return collections.Counter(pool.map(ask, range(count)))

    def left(self, limit: int) -> int:
        """What is left of the limit once all is settled, everything checked."""
        closed = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM holds WHERE state = 'held')"
        wait_for(lambda: self.shims.all()[0].rows(closed), 30)
        return limit - check_ended(self.home, self.chaos.truth(), limit).ledger

    def served(self) -> collections.Counter[str]:
        """How often each model answered, exchanges that are open waited for."""
        shim = self.shims.all()[0]
        shim.wait_row("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM exchanges WHERE status = 'open')")
        return collections.Counter(
            row["served_alias"] for row in shim.rows("SELECT served_alias FROM exchanges")
        )


@contextmanager
def started(folder: Path, count: int, how: str) -> Iterator[Place]:
    """So many shims that wait a minute where others hold the money."""
    home = folder / "home"
    options = ("--most", str(CAP), "--delay-ms", "10")
    with Upstream(text="This was free.") as free, Chaos(folder, *options) as chaos:
        fleet.configure(home, chaos.url, free.url, wait_s=60)
        with Fleet(home, count, how) as shims:
            yield Place(home, shims, chaos)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with started(tmp_path_factory.mktemp("parallel"), SESSIONS, "usual") as place:
        yield place


def test_of_32_requests_at_once_exactly_those_that_fit_the_limit_are_sent(place: Place) -> None:
    worst = place.worst()
    billed = len(place.chaos.truth())
    # Each of these is charged what it held, so none makes room for another.
    limit = place.limit(10 * worst + worst // 2)
    assert place.storm("negusage") == {ANSWERED: 10, REFUSED: 22}
    assert 0 <= place.left(limit) < worst
    assert len(place.chaos.truth()) == billed + 10


@pytest.mark.xfail(raises=InvariantError, strict=True, reason="nothing was set aside")
def test_looking_first_and_recording_afterwards_sends_only_those_that_fit(tmp_path: Path) -> None:
    with started(tmp_path, 4, "unheld") as place:
        limit = place.limit(10 * (CAP + 200) * PRICE_OUT)
        assert sum(place.storm("negusage").values()) == SESSIONS * EACH
        place.left(limit)


def test_those_that_do_not_fit_are_answered_for_free_where_that_is_the_policy(
    place: Place,
) -> None:
    worst, before = place.worst(), place.served()
    limit = place.limit(5 * worst, "downgrade")
    assert place.storm("negusage") == {ANSWERED: 32}
    assert place.served() - before == {"paid": 5, "local-coder": 27}
    assert 0 <= place.left(limit) < worst


def test_those_that_wait_for_the_holds_of_others_leave_less_than_one_worst_case(
    place: Place,
) -> None:
    worst = place.worst()
    limit = place.limit(8 * worst + worst // 2)
    ended = place.storm("good")
    assert set(ended) == {ANSWERED, REFUSED}
    assert ended[ANSWERED] > 8
    assert 0 <= place.left(limit) < worst


@pytest.mark.parametrize("at_once", [16, 64])
def test_a_twentieth_of_a_dollar_is_used_to_nine_tenths_and_not_passed(
    place: Place, at_once: int
) -> None:
    limit = place.limit(DOLLAR // 20)
    ended = place.storm("good", 64, at_once)
    assert set(ended) == {ANSWERED, REFUSED}
    left = place.left(limit)
    print(f"{at_once} at once: {ended[ANSWERED]} of 64 sent, {100 - left / 500_000:.1f} % used")
    assert 0 <= left <= DOLLAR // 200


def test_a_model_without_a_price_is_refused_and_nothing_is_sent(place: Place) -> None:
    place.limit(DOLLAR)
    asked = len(place.chaos.events("asked"))
    request = {**fleet.body("good", CAP, True), "model": "unpriced"}
    status, _, answer = place.shims.all()[0].request("POST", "/v1/chat/completions", request)
    assert status == 400
    assert b"the price of `unpriced` is not known" in answer
    assert len(place.chaos.events("asked")) == asked
