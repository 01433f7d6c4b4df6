"""A disk that is really full, at a hold and at a settlement: nothing is sent, nothing is lost.

In a file system of one megabyte of the test's own, which nobody else sees.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lodestar.modules.usage_tracker.tests.money import WORST

ACTUAL = 100 * 3_000 + 10 * 15_000
SPENDER = """
import asyncio, json, logging, pathlib, sqlite3, subprocess, sys
from lodestar.errors import LedgerError
from lodestar.hookspecs import Refused
from lodestar.modules.usage_tracker import charges
from lodestar.modules.usage_tracker.audit import audit
from lodestar.modules.usage_tracker.gate import attempt_gate
from lodestar.modules.usage_tracker.plugin import session_event
from lodestar.modules.usage_tracker.tests.money import WORST, limited
from tests.fakes.invariants import open_store
from tests.fakes.values import PAID, a_request, a_route, reported
home = pathlib.Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", home], check=True)
ballast = home / "ballast"
SETTINGS = limited(session_usd=f"{(WORST + WORST // 5) / 10**9:.9f}")
ROUTE = a_route(**PAID)

def fill():
    with open(ballast, "wb", buffering=0) as stream:
        try:
            while stream.write(bytes(1024)): pass
        except OSError: pass

async def call(between=lambda: None):
    try:
        async with attempt_gate(a_request(), ROUTE, store, SETTINGS, None) as gate:
            between()
            gate.finish(reported(100, 10))
            return "sent"
    except Refused as error:
        return f"refused: {error.limit_source}"
    except (sqlite3.Error, LedgerError) as error:
        return f"failed: {error}"

def books():
    held = store.rows("SELECT amount_nano FROM holds WHERE state = 'held'")
    charged = store.rows("SELECT cash_nano, usage_source FROM charges ORDER BY id")
    return [row[0] for row in held], [tuple(row) for row in charged]

def say(**what):
    print(json.dumps(what), flush=True)

logging.disable()
with open_store(home) as store:
    if sys.argv[2] == "hold":
        fill()
        say(call=asyncio.run(call()), books=books())
        ballast.unlink()
        say(call=asyncio.run(call()), books=books())
    else:
        say(call=asyncio.run(call(fill)), books=books())
        say(call=asyncio.run(call()), books=books())
        ballast.unlink()
        tick = {"type": "tick"}
        session_event(session="S1", event=tick, store=store, settings=SETTINGS)
        say(books=books())
        say(call=asyncio.run(call()), books=books())
    say(audit=len(audit(store).findings), whole=store.rows("PRAGMA integrity_check")[0][0])
"""


def spend(home: Path, moment: str) -> list[dict[str, Any]]:
    """What is said by a process whose disk fills up at a moment."""
    unshare = shutil.which("unshare")
    probe = ["-rm", "mount", "-t", "tmpfs", "tmpfs", str(home)]
    home.mkdir(mode=0o700)
    if unshare is None or subprocess.run([unshare, *probe], capture_output=True).returncode:
        pytest.skip("this machine does not let a test mount a file system of its own")
    command = [unshare, "-rm", sys.executable, "-c", SPENDER, str(home), moment]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_nothing_is_sent_without_room_for_its_hold(tmp_path: Path) -> None:
    full, free, end = spend(tmp_path / "home", "hold")
    assert full == {"call": "failed: database or disk is full", "books": [[], []]}
    assert free == {"call": "sent", "books": [[], [[ACTUAL, "provider"]]]}
    assert end == {"audit": 0, "whole": "ok"}


def test_what_cannot_be_settled_counts_its_worst_case_until_there_is_room(tmp_path: Path) -> None:
    lost, full, late, free, end = spend(tmp_path / "home", "settle")
    ((worst,), charged) = lost["books"]
    assert (lost["call"], charged) == ("sent", [])
    assert worst >= WORST > ACTUAL
    # Counted in full: there is no room for another call, and nobody needs the disk to say so.
    assert full == {"call": "refused: limits.session_usd", "books": [[worst], []]}
    # The next tick, with nothing asked in between.
    assert late == {"books": [[], [[ACTUAL, "provider"]]]}
    assert free == {"call": "sent", "books": [[], [[ACTUAL, "provider"]] * 2]}
    assert end == {"audit": 0, "whole": "ok"}
