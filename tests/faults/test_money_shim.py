"""Whatever call of a shim's database or connections fails: bills stay within limit and ledger."""

from __future__ import annotations

import contextlib
import http.client
import os
from pathlib import Path

import pytest

from tests.fakes import fleet
from tests.fakes.chaos import Chaos
from tests.fakes.invariants import check_ended
from tests.fakes.shim import Shim
from tests.faults.process import command, environment
from tests.faults.seams import FilePlan, rounds

CAP = 300
# So many worst cases in a day: they are used up, so that refusals fail as well.
WORSTS = 40 * 6_000_000


@pytest.mark.slow
@pytest.mark.parametrize("seam", ["database", "sockets"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_no_failing_call_of_a_shim_passes_the_limit_or_loses_a_bill(
    seam: str, after: bool, tmp_path: Path
) -> None:
    home, plan = tmp_path / "home", FilePlan(tmp_path / "plan")
    plan.folder.mkdir()
    program = command(seam, plan, home, "lodestar_shim")
    with Chaos(tmp_path, "--most", str(CAP)) as chaos:
        fleet.configure(home, chaos.url)
        fleet.set_daily(home, WORSTS)
        with Shim(home, tmp_path, program, environment(os.environ)) as shim:
            for _ in rounds(plan, after):
                for stream in (True, False):
                    with contextlib.suppress(OSError, http.client.HTTPException):
                        shim.chat("paid", max_tokens=CAP, stream=stream)
        books = check_ended(home, chaos.truth(), WORSTS)
    print(books)
    assert books.billed > 20
