"""Whatever is killed, the ledger never shows less than what was really spent."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

from lodestar.modules.usage_tracker.charges import sweep_orphans
from lodestar.store.store import Store

# Spends what it holds money for: a truth that is written down outside the ledger.
SPEND = """
import asyncio, os, pathlib, random, sys
from lodestar.modules.usage_tracker.gate import attempt_gate
from lodestar.settings import Settings
from lodestar.store.store import Store
from tests.fakes.values import PAID, a_request, a_route, reported, unreported
truth = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
rng = random.Random(int(sys.argv[3]))

async def spend(store):
    async with attempt_gate(a_request(), a_route(**PAID), store, Settings(), None) as gate:
        tokens = rng.randint(1, 50), rng.randint(1, 900)
        os.write(truth, b"%d\\n" % (tokens[0] * 3_000 + tokens[1] * 15_000))
        await asyncio.sleep(0)
        gate.finish(rng.choice([reported(*tokens), unreported()]))

async def run(store):
    print("ready", flush=True)
    while True:
        await asyncio.gather(*(spend(store) for _ in range(3)))

with Store.open(pathlib.Path(sys.argv[1])) as store:
    asyncio.run(run(store))
"""


def spend_until_killed(store: Store, truth: Path, seeds: range) -> None:
    """One spender a seed, each killed at a moment of its own."""
    spenders = [
        subprocess.Popen(
            [sys.executable, "-c", SPEND, str(store.path), str(truth), str(seed)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in seeds
    ]
    timers = []
    for seed, spender in zip(seeds, spenders, strict=True):
        assert spender.stdout
        assert spender.stdout.readline() == "ready\n"
        timers.append(threading.Timer(random.Random(seed).uniform(0.1, 0.5), spender.kill))
        timers[-1].start()
    for timer, spender in zip(timers, spenders, strict=True):
        spender.communicate(timeout=30)
        timer.join()


def test_the_ledger_is_at_least_the_truth_after_kills(store: Store, tmp_path: Path) -> None:
    truth = tmp_path / "truth"
    for first in (0, 4):
        spend_until_killed(store, truth, range(first, first + 4))
        sweep_orphans(store)
    spent = [int(line) for line in truth.read_text().splitlines()]
    (charged,) = store.rows("SELECT sum(cash_nano), count(*) FROM charges")
    assert len(spent) > 20
    assert charged[0] >= sum(spent)
    assert charged[1] >= len(spent)
    states = {row[0] for row in store.rows("SELECT DISTINCT state FROM holds")}
    assert "orphan" in states
    assert "held" not in states
    unequal = store.rows(
        "SELECT h.id FROM holds h LEFT JOIN charges c ON c.hold_id = h.id GROUP BY h.id"
        " HAVING count(c.id) != (h.state IN ('posted', 'orphan'))"
    )
    assert not unequal
    assert store.rows("PRAGMA integrity_check")[0][0] == "ok"
