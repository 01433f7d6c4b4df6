"""What the reports take with a million exchanges: the query of the roll-ups, and the command.

The ledger is a year of work in three projects, and all of it is kept: by default what is older
than 90 days is kept as sums alone. N and DAYS in the environment change that; FOLDER keeps it.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from lodestar.modules.usage_tracker import rollup
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.modules.usage_tracker.reports.period import period_of
from lodestar.modules.usage_tracker.reports.quality import quality
from lodestar.modules.usage_tracker.reports.usage import Wanted, usage
from lodestar.store.schema import CORE
from lodestar.store.store import Store

N = int(os.environ.get("N", "1000000"))
DAYS = int(os.environ.get("DAYS", "365"))
ROUNDS = 5
DAY_MS = 86_400_000
ZONE = "America/New_York"
QUERY_MS, COMMAND_MS = 50, 400
PROJECTS = ("P1", "P2", "P3")
PAID = ("claude-sonnet", "claude-sonnet-4-5", 4, "payg")
FREE = ("local-coder", "deepseek-coder:6.7b", 1, "local")
QUERIES = [
    (period, by)
    for period in ("today", "week", "month", "year", "all")
    for by in (("day",), ("month",), ("model",), ("project", "model"), ("tag",))
]
COMMANDS = (
    *(("usage", period) for period in ("today", "week", "month", "year")),
    ("usage", "year", "--by", "month"),
    *(("usage", name, "week") for name in ("why", "models", "projects")),
    ("usage", "compare", "local-coder", "claude-sonnet", "week"),
    ("usage", "reconcile", "--provider", "anthropic", "--invoice", "1", "month"),
)


def main() -> None:
    """Print milliseconds, and how many are above their limit."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        home = Path(os.environ.get("FOLDER", folder))
        if not (home / "usage.db").exists():
            _fill(home)
        print(f"{N:,} exchanges in {DAYS} days, {ZONE}; best of {ROUNDS}, ms")
        slow = sum(_queries(home)) + sum(_commands(home))
        print(f"\n{slow} above {QUERY_MS} ms of query or {COMMAND_MS} ms of command")


def _queries(home: Path) -> Iterator[bool]:
    print("\nquery                            sums   outcomes")
    tables = [CORE, register_migrations()]
    with Store.open(home / "usage.db", tables) as store, store.read() as connection:
        for name, by in QUERIES:
            period = period_of(name, None, None, int(time.time() * 1000), ZoneInfo(ZONE))
            asked = connection, Wanted(period, by)
            sums = min(_timed(partial(usage, *asked)) for _ in range(ROUNDS))
            outcomes = _timed(partial(quality, *asked))
            print(f"  {name:6} by {','.join(by):20} {sums:7.1f} {outcomes:10.1f}")
            yield sums > QUERY_MS


def _commands(home: Path) -> Iterator[bool]:
    environ = {**os.environ, "LODESTAR_HOME": str(home), "LODESTAR_TIMEZONE": ZONE}
    print("\ncommand")
    for arguments in COMMANDS:
        command = [sys.executable, "-m", "lodestar", *arguments, "--json"]
        run = partial(subprocess.run, command, env=environ, capture_output=True, check=False)
        took = min(_timed(run) for _ in range(3))
        print(f"  {' '.join(arguments):54} {took:7.0f}")
        yield took > COMMAND_MS


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _fill(home: Path) -> None:
    home.mkdir(mode=0o700, exist_ok=True)
    with Store.open(home / "usage.db", [CORE, register_migrations()]) as store:
        connection = store._connection
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN")
        _rows(connection)
        rollup.rebuild(connection)
        connection.execute("COMMIT")


def _rows(connection: sqlite3.Connection) -> None:
    dice, now = random.Random(1), int(time.time() * 1000)
    for id in PROJECTS:
        connection.execute("INSERT INTO projects VALUES (?, ?, ?, 1)", (id, f"/home/me/{id}", id))
    for number in range(N):
        day = number * DAYS // N
        at = now - (DAYS - day) * DAY_MS + int(dice.random() * DAY_MS / 3)
        paid = dice.random() < 0.06
        who = PAID if paid else FREE
        kind = dice.choice(("edit", "edit", "ask", "commit_message"))
        exchange, project = f"E{number:025d}", dice.choice(PROJECTS)
        tokens = dice.randrange(500, 9000), dice.randrange(20, 900)
        worth = tokens[0] * 3000 + tokens[1] * 15_000
        connection.execute(
            "INSERT INTO exchanges(id, kind, requested_alias, served_alias, served_model,"
            " route_reason, stream, status, started_ms, ttft_ms, duration_ms, request_bytes)"
            " VALUES (?, ?, ?, ?, ?, 'you asked', 1, 'ok', ?, ?, ?, 9)",
            (exchange, kind, who[0], *who[:2], at, dice.randrange(2000), dice.randrange(20_000)),
        )
        connection.execute(
            "INSERT INTO charges(id, project_id, branch, exchange_id, kind, alias, model, tier,"
            " billing, input_tokens, output_tokens, usage_source, cash_nano, list_nano,"
            " avoided_nano, window_ms, created_ms)"
            " VALUES (?, ?, 'main', ?, ?, ?, ?, ?, ?, ?, ?, 'provider', ?, ?, ?, ?, ?)",
            (
                *(f"C{number:025d}", project, exchange, kind, *who, *tokens),
                *(worth if paid else 0, worth if paid else None, 0 if paid else worth, at, at),
            ),
        )
        if kind == "edit" and dice.random() < 0.8:
            _said(connection, dice, number, exchange, at)


def _said(
    connection: sqlite3.Connection, dice: random.Random, number: int, exchange: str, at: int
) -> None:
    for type in ("commit", "undo") if dice.random() < 0.15 else ("commit",):
        connection.execute(
            "INSERT INTO signals(id, exchange_id, type, commit_hash, data, created_ms)"
            " VALUES (?, ?, ?, ?, '{\"aider_edits\": true}', ?)",
            (f"{type}{number}", exchange, type, f"{number:040x}", at),
        )
    if dice.random() < 0.1:
        connection.execute(
            "INSERT INTO ratings(id, exchange_id, verdict, source, created_ms)"
            " VALUES (?, ?, ?, 'cli', ?)",
            (f"R{number}", exchange, dice.choice(("good", "good", "bad")), at),
        )


if __name__ == "__main__":
    main()
