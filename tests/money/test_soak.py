"""An hour of work, failures and kills: money stays right, and nothing grows.

`LODESTAR_SOAK_MINUTES=5` makes it shorter. What was seen is in `soak.csv` in the test's folder.
"""

from __future__ import annotations

import csv
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.fakes.kill_loop import KillLoop, Plan

MINUTES = float(os.environ.get("LODESTAR_SOAK_MINUTES", "60"))
SHIMS = 4
# The first shim is never killed: a leak needs time to show.
SPARED = 0
GROWTH = 1.3
# Less than this is noise: pages of memory, a descriptor, one checkpoint of the log beside the file.
NOISE = {"rss": 4 << 20, "fds": 6, "wal": 4 << 20}


@dataclass(frozen=True)
class Sample:
    """What a minute looked like; `rss` and `fds` are of the shim that is spared."""

    at_s: float
    rss: int
    fds: int
    rss_all: int
    wal: int
    database: int
    kills: int
    asked: int
    limit: int


class Soak(KillLoop):
    """The kill loop with an eye on what the shims take."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        super().__init__(folder, plan)
        self.samples: list[Sample] = []
        self._began = time.monotonic()

    def works(self) -> list[Callable[[], None]]:
        """Also watch."""
        return [*super().works(), self._watch]

    def victim(self, draw: random.Random) -> int:
        """Any but the spared one."""
        return draw.randrange(SPARED + 1, SHIMS)

    def _watch(self) -> None:
        every = MINUTES * 60 / max(60, MINUTES)
        while not self._over.wait(every):
            self.samples.append(self._look())

    def _look(self) -> Sample:
        spared = self._fleet.get(SPARED)
        assert spared
        pids = [shim.process.pid for shim in self._fleet.all()]
        wal, database = (self._home / "usage.db-wal", self._home / "usage.db")
        return Sample(
            round(time.monotonic() - self._began, 1),
            _resident(spared.process.pid),
            len(os.listdir(f"/proc/{spared.process.pid}/fd")),
            sum(_resident(pid) for pid in pids),
            wal.stat().st_size if wal.exists() else 0,
            database.stat().st_size,
            self.result.kills,
            self.result.asked,
            self.result.limit,
        )


def _resident(pid: int) -> int:
    """Bytes; 0 where the process has just been killed."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGESIZE")


def is_flat(values: Sequence[int], noise: int) -> bool:
    """Whether the last quarter is no larger than the second one, which is past the start."""
    quarter = len(values) // 4
    second, last = values[quarter : 2 * quarter], values[-quarter:]
    return statistics.median(last) <= GROWTH * statistics.median(second) + noise


def test_growth_is_not_taken_for_flatness() -> None:
    assert is_flat([5, 9, 10, 10, 10, 11, 10, 10], 0)
    assert not is_flat([5, 9, 10, 12, 14, 16, 18, 20], 0)


@pytest.mark.slow
def test_an_hour_of_work_and_kills_leaves_money_right_and_nothing_grows(tmp_path: Path) -> None:
    seconds = MINUTES * 60
    kills = max(1, int(seconds / random.Random(0).uniform(30, 60)))
    soak = Soak(tmp_path, Plan(SHIMS, seconds, kills, renew_s=min(5, seconds / 60), step=20))
    result = soak.run()
    with open(tmp_path / "soak.csv", "w", newline="") as file:
        table = csv.DictWriter(file, list(asdict(soak.samples[0])))
        table.writeheader()
        table.writerows(map(asdict, soak.samples))
    print(f"{result}; {tmp_path / 'soak.csv'}")
    assert result.kills >= kills
    assert result.books
    assert result.books.billed > seconds
    for name, noise in NOISE.items():
        values = [getattr(sample, name) for sample in soak.samples]
        assert is_flat(values, noise), f"{name} grows: {values}"
