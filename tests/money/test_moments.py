"""A shim that is killed or stopped at the worst moment of a paid call."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import fleet
from tests.fakes.chaos import Chaos
from tests.fakes.fleet import Fleet
from tests.fakes.invariants import check_ended, open_store
from tests.fakes.shim_client import wait_for

CAP = 300
LIMIT = 10**9
HOLDS = "SELECT state, owner, ending, amount_nano FROM holds ORDER BY id"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def chaos(tmp_path: Path, home: Path) -> Iterator[Chaos]:
    with Chaos(tmp_path, "--most", str(CAP)) as chaos:
        fleet.configure(home, chaos.url)
        fleet.set_daily(home, LIMIT)
        yield chaos


def holds(home: Path) -> list[dict[str, Any]]:
    with open_store(home) as store:
        return [dict(row) for row in store.rows(HOLDS)]


def charges(home: Path) -> list[tuple[int, str]]:
    with open_store(home) as store:
        return [
            (row["cash_nano"], row["usage_source"])
            for row in store.rows("SELECT cash_nano, usage_source FROM charges ORDER BY id")
        ]


def killed_at(home: Path, moment: str) -> None:
    """One paid call by a shim that is killed at this moment of it."""
    with Fleet(home, 1, moment) as shims:
        (shim,) = shims.all()
        shims.ask(0, "good", CAP, True)
        assert shim.process.wait(20) == -signal.SIGKILL
    (hold,) = holds(home)
    assert hold["state"] == "held"


def test_a_kill_between_the_hold_and_the_request_costs_the_hold_and_bills_nothing(
    home: Path, chaos: Chaos
) -> None:
    killed_at(home, "reserved")
    assert not chaos.events("asked")
    books = check_ended(home, chaos.truth(), LIMIT)
    (hold,) = holds(home)
    assert (books.truth, books.ledger) == (0, hold["amount_nano"])
    assert charges(home) == [(hold["amount_nano"], "worst_case")]
    assert (hold["state"], hold["ending"]) == ("orphan", "its process died")


def test_a_kill_between_the_last_byte_and_the_settlement_is_charged_no_less_than_billed(
    home: Path, chaos: Chaos
) -> None:
    killed_at(home, "unsettled")
    (billed,) = chaos.truth()
    books = check_ended(home, [billed], LIMIT)
    (hold,) = holds(home)
    assert hold["state"] == "orphan"
    assert books.ledger == hold["amount_nano"] >= billed["usd_nano"]


def stopped_for(home: Path, chaos: Chaos, seconds: float) -> None:
    """A session that is stopped inside a paid answer while another goes on."""
    # With its usual patience: what it did not do while it was stopped is no fault of others.
    with Fleet(home, 2, patience={}) as shims, ThreadPoolExecutor(1) as pool:
        first_shim = shims.get(0)
        assert first_shim
        stopped = first_shim.process.pid
        asked = pool.submit(shims.ask, 0, "slow", CAP, True)
        wait_for(lambda: chaos.events("asked"))
        os.kill(stopped, signal.SIGSTOP)
        try:
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                # Each of these sweeps before it holds.
                assert shims.ask(1, "good", CAP, True)[0] == 200
                first = holds(home)[0]
                assert (first["state"], f":{stopped}:" in first["owner"]) == ("held", True)
                time.sleep(seconds / 20)
        finally:
            os.kill(stopped, signal.SIGCONT)
        # A client that has left meanwhile changes nothing: the answer is read to its end.
        asked.result(60)
    assert holds(home)[0]["state"] == "posted"
    truth = chaos.truth()
    assert charges(home)[-1] == (truth[0]["usd_nano"], "provider")
    books = check_ended(home, truth, LIMIT)
    assert books.ledger == books.truth
    assert len(charges(home)) == len(truth) > 2


def test_the_hold_of_a_stopped_session_waits_for_it_and_is_settled_once(
    home: Path, chaos: Chaos
) -> None:
    stopped_for(home, chaos, 1.5)


@pytest.mark.slow
def test_the_hold_of_a_session_that_is_stopped_for_a_minute_is_settled_once(
    home: Path, chaos: Chaos
) -> None:
    stopped_for(home, chaos, 60)
