"""What a hold and its settling cost: alone, and with eight processes that do nothing else.

Beside it, in turns, what most trackers do: look at the sum, and record the cost afterwards, with
SQLite's own waiting instead of a queue. That keeps no limit; it shows what keeping one costs.
The database holds a month of heavy use, and a limit stands on session, day, week and month.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lodestar.exchange import Request
from lodestar.modules.usage_tracker import admission, charges, holds, rollup
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.prices import price_of
from lodestar.settings import Limits, Settings
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.fakes.values import PAID, a_request, a_route, reported

ROUNDS = int(os.environ.get("ROUNDS", "400"))
PROCESSES = 8
SECONDS = float(os.environ.get("SECONDS", "6"))
DAY_MS = 86_400_000
PROMPT = "word " * 4_000
Once = Callable[[Store], None]


def _settings() -> Settings:
    money = {f"{name}_usd": "100000" for name in ("session", "daily", "weekly", "monthly")}
    return Settings(limits=Limits(**money))  # type: ignore[arg-type]


SETTINGS = _settings()
ROUTE = a_route(**PAID)


def ours(store: Store) -> None:
    """A hold within four limits, and its settling."""
    price = price_of(ROUTE.entry)
    assert price
    request = a_request(PROMPT)
    call = holds.worst_case(request, ROUTE, price)
    found = admission.admit(store, SETTINGS, request, ROUTE, call, False)
    assert isinstance(found, admission.Admitted)
    charges.settle(store, found.hold, reported(4_000, 300))


def check_then_record(store: Store) -> None:
    """The day's sum, and one row afterwards."""
    connection = store._connection
    connection.execute("SELECT sum(nano) FROM plain WHERE at > ?", (0,)).fetchone()
    connection.execute(
        "INSERT INTO plain VALUES (?, ?, ?)", (os.urandom(8).hex(), time.time_ns(), 16_500_000)
    )


def main() -> None:
    """Print both, alone and crowded."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        path = Path(folder) / "usage.db"
        _fill(path)
        alone = _alone(path)
        print(f"hold + settle, alone, {ROUNDS} rounds in turns (ms)")
        _table(alone)
        print(f"\nhold + settle, {PROCESSES} processes at saturation, {SECONDS:.0f} s each (ms)")
        _table({name: _crowded(path, once) for name, once in WAYS.items()})


def _table(found: dict[str, list[float]]) -> None:
    for name, times in found.items():
        p50, p99 = _quantile(times, 0.5), _quantile(times, 0.99)
        print(f"  {name:18} p50 {p50:7.2f}  p99 {p99:7.2f}  n {len(times)}")
    first, second = (_quantile(times, 0.5) for times in found.values())
    print(f"  ratio of the medians: {first / second:.2f}")


def _alone(path: Path) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    with Store.open(path, SETS) as store:
        for _ in range(ROUNDS):
            for name, once in WAYS.items():
                times[name].append(_timed(store, once))
    return times


def _crowded(path: Path, once: Once) -> list[float]:
    context = multiprocessing.get_context("spawn")
    with context.Pool(PROCESSES) as pool:
        parts = pool.starmap(_busy, [(path, once)] * PROCESSES, chunksize=1)
    return [ms for part in parts for ms in part]


def _busy(path: Path, once: Once) -> list[float]:
    with Store.open(path, SETS) as store:
        end, times = time.monotonic() + SECONDS, []
        while time.monotonic() < end:
            times.append(_timed(store, once))
    return times


def _timed(store: Store, once: Once) -> float:
    start = time.perf_counter()
    once(store)
    return (time.perf_counter() - start) * 1000


def _quantile(times: list[float], share: float) -> float:
    return statistics.quantiles(times, n=1000)[round(share * 1000) - 1]


def _fill(path: Path) -> None:
    """Thirty days with forty quarter-hours each in which two models and kinds were used."""
    rng = random.Random(7)
    with Store.open(path, SETS) as store, store.write() as connection:
        connection.execute("CREATE TABLE plain(id TEXT PRIMARY KEY, at INTEGER, nano INTEGER)")
        now = a_request().received_ms
        for day in range(30):
            for quarter in range(40):
                at = now - day * DAY_MS - quarter * rollup.QUARTER_MS
                for alias in ("paid-model", "other"):
                    _charge(store, a_request(), at, alias, rng.randint(1, 10**7))


def _charge(store: Store, request: Request, at: int, alias: str, nano: int) -> None:
    row = {
        **charges._row(request, a_route(alias, **PAID), reported(1_000, 100).usage),
        "usage_source": "provider",
        "cash_nano": nano,
        "window_ms": at,
    }
    with store.write() as connection:
        charges.insert(connection, row)


SETS = [CORE, register_migrations()]
WAYS: dict[str, Once] = {"Lodestar": ours, "check, then record": check_then_record}

if __name__ == "__main__":
    main()
