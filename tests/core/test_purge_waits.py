"""A purge of a large database keeps nobody waiting: its steps are short."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lodestar.clock import now_ms
from lodestar.paths import Home
from lodestar.store import purge
from lodestar.store.store import Store
from tests.core.test_purge import CANARY, DAY, SETS, counts, files_with, fill, older_than


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


RESERVE = """
import json, pathlib, sys, time
from lodestar.clock import now_ms
from lodestar.errors import LodestarError, UsageError
from lodestar.store import state
from lodestar.store.schema import CORE
from lodestar.store.store import Store
waits = []
with Store.open(pathlib.Path(sys.argv[1]), [CORE]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    deadline = time.monotonic() + 300
    import select
    while not select.select([sys.stdin], [], [], 0.01)[0] and time.monotonic() < deadline:
        start = time.perf_counter()
        with store.write() as connection:
            connection.execute("INSERT INTO messages VALUES (?, 'x', 'x', 1)",
                               (f"{sys.argv[2]}-{now_ms()}-{len(waits)}",))
            state.bump(connection)
        waits.append(time.perf_counter() - start)
print(json.dumps(waits))
"""


def waits_while(home: Home, workers: int, work: Callable[[], object]) -> list[float]:
    """How long other processes' small writes took while something was done, the longest last."""
    command = [sys.executable, "-c", RESERVE, str(home.database)]
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen([*command, str(n)], stdin=pipe, stdout=pipe, text=True)
        for n in range(workers)
    ]
    for one in running:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    for one in running:
        assert one.stdin
        one.stdin.write("go\n")
        one.stdin.flush()
    work()
    said = [one.communicate("stop\n", timeout=60)[0] for one in running]
    assert [one.returncode for one in running] == [0] * workers
    return sorted(wait for text in said for wait in json.loads(text))


@pytest.mark.parametrize(
    ("exchanges", "size", "workers"),
    [(600, 4_000, 3), pytest.param(13_000, 36_000, 8, marks=pytest.mark.slow)],
)
def test_a_purge_keeps_other_sessions_holds_waiting_for_a_moment_only(
    exchanges: int, size: int, workers: int, home: Home, tmp_path: Path
) -> None:
    big(home, tmp_path, exchanges, size)

    def work() -> None:
        with Store.open(home.database, SETS) as store:
            purge.purge(store, SETS, older_than(90))
            assert not files_with(home, CANARY)

    usual = percentile_99(waits_while(home, workers, lambda: threading.Event().wait(2)))
    waits = waits_while(home, workers, work)
    assert counts(home)["exchanges"] == 1
    # What a busy machine takes for itself is not the purge's.
    assert percentile_99(waits) < 0.15 + 3 * usual, statistics.quantiles(waits, n=20)


def percentile_99(waits: list[float]) -> float:
    return waits[int(len(waits) * 0.99)]


def big(home: Home, tmp_path: Path, exchanges: int, size: int) -> None:
    """A database with so many old exchanges, each with its own text of a size."""
    fill(home, tmp_path / "p", "young", 1, 1)
    old = now_ms() - 100 * DAY
    text = (CANARY + " ") * (size // len(CANARY))
    with Store.open(home.database, SETS) as store:
        for start in range(0, exchanges, 500):
            ids = [f"E{n:09}" for n in range(start, min(start + 500, exchanges))]
            with store.write() as connection:
                connection.executemany(
                    "INSERT INTO exchanges(id, kind, requested_alias, stream, status, started_ms,"
                    f" request_bytes) VALUES (?, 'edit', 'm', 1, 'ok', {old}, 1)",
                    [(id,) for id in ids],
                )
                connection.executemany(
                    "INSERT INTO messages VALUES (?, 'user', ?, 1)", [(id, id + text) for id in ids]
                )
                connection.executemany(
                    "INSERT INTO exchange_messages VALUES (?, 0, 'prompt', ?)",
                    [(id, id) for id in ids],
                )
