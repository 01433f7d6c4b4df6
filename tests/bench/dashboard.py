"""What a look of `lodestar dashboard` takes with a million exchanges, tab by tab.

It reads the ledger that `usage_queries` makes; N, DAYS and FOLDER in the environment are the same.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lodestar.loading import load
from lodestar.modules.usage_tracker.dashboard.reading import Reading
from lodestar.modules.usage_tracker.dashboard.tabs import COUNTED, PERIODS, TABS
from lodestar.modules.usage_tracker.dashboard.view import Asked
from tests.bench import usage_queries

ROUNDS = 5
LOOK_MS = 50
FILTERS = ("", "sonnet")


def main() -> None:
    """Print milliseconds: a look, and the longest step of counting."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        home = Path(os.environ.get("FOLDER", folder))
        if not (home / "usage.db").exists():
            usage_queries._fill(home)
        context = load(environ={**os.environ, "LODESTAR_HOME": str(home)})
        print(f"{usage_queries.N:,} exchanges; a look, best of {ROUNDS}, ms")
        slow = sum(_tab(Reading(context), tab) for tab in TABS)
        print(f"\n{slow} looks above {LOOK_MS} ms")


def _tab(reading: Reading, tab: str) -> int:
    slow = 0
    for period in PERIODS:
        asked = Asked(period)
        steps = [_timed(partial(reading.count, tab, asked))]
        while tab in COUNTED and not reading.count(tab, asked):
            steps.append(_timed(partial(reading.count, tab, asked)))
        looks = []
        for filter in FILTERS:
            look = partial(reading.page, tab, Asked(period, filter))
            looks.append(min(_timed(look) for _ in range(ROUNDS)))
        slow += sum(took > LOOK_MS for took in looks)
        shown = ", filtered ".join(f"{took:5.1f}" for took in looks)
        print(f"  {tab:9} {period:6} {shown}; counting: longest step {max(steps):5.1f}")
    reading.close()
    return slow


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
