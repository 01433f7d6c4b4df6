"""Whatever is killed while it spends: billed money is within the limit, and in the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.invariants import InvariantError
from tests.fakes.kill_loop import KillLoop, Plan, Result


def run(tmp_path: Path, plan: Plan, billed: int) -> Result:
    """Run it; there must have been enough of everything for the result to mean something."""
    result = KillLoop(tmp_path, plan).run()
    print(result)
    assert result.kills >= plan.kills
    assert result.refused, "the limit was never reached, so it was not tested"
    assert result.renewals > 2
    assert result.books
    assert result.books.billed >= billed
    return result


def test_shims_that_are_killed_never_spend_more_than_the_limit_and_lose_no_call(
    tmp_path: Path,
) -> None:
    run(tmp_path, Plan(shims=3, seconds=9, kills=12), billed=40)


@pytest.mark.slow
def test_sixty_kills_in_a_minute_never_spend_more_than_the_limit(tmp_path: Path) -> None:
    run(tmp_path, Plan(shims=5, seconds=60, kills=60, seed=1), billed=200)


@pytest.mark.slow
def test_three_hundred_kills_never_spend_more_than_the_limit(tmp_path: Path) -> None:
    run(tmp_path, Plan(shims=5, seconds=300, kills=300, seed=2), billed=1000)


@pytest.mark.xfail(
    raises=InvariantError, strict=True, reason="to look first and record afterwards keeps no limit"
)
def test_looking_first_and_recording_afterwards_keeps_the_limit(tmp_path: Path) -> None:
    run(tmp_path, Plan(shims=3, seconds=10, kills=12, how="unheld"), billed=40)
