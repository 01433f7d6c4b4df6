"""Money held by a process that died is charged, not forgotten."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from lodestar.modules.usage_tracker import charges, owners
from lodestar.modules.usage_tracker.plugin import session_event
from lodestar.modules.usage_tracker.tests.money import a_hold
from lodestar.settings import Settings
from lodestar.store.processes import STARTED, stat_field
from lodestar.store.store import Store
from tests.fakes.values import reported

PLACE_AND_DIE = """
import os, pathlib, signal, sys
from lodestar.modules.usage_tracker.tests.money import a_hold
from lodestar.settings import Settings
from lodestar.store.store import Store
with Store.open(pathlib.Path(sys.argv[1])) as store:
    a_hold(store)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def place_and_die(store: Store) -> None:
    done = subprocess.run([sys.executable, "-c", PLACE_AND_DIE, str(store.path)], check=False)
    assert done.returncode == -signal.SIGKILL


def test_the_hold_of_a_killed_process_is_charged_once_at_its_worst(store: Store) -> None:
    place_and_die(store)
    assert charges.sweep_orphans(store) == 1
    assert charges.sweep_orphans(store) == 0
    (hold,) = store.rows("SELECT * FROM holds")
    (charge,) = store.rows("SELECT * FROM charges")
    assert hold["state"] == "orphan"
    assert (charge["cash_nano"], charge["usage_source"]) == (hold["amount_nano"], "worst_case")
    assert charge["input_tokens"] is None


def test_the_start_of_a_session_sweeps(store: Store) -> None:
    place_and_die(store)
    session_event("S2", {"type": "started"}, store, Settings())
    assert [row["state"] for row in store.rows("SELECT state FROM holds")] == ["orphan"]


def test_the_hold_of_a_living_process_is_left_alone(store: Store) -> None:
    a_hold(store)
    assert charges.sweep_orphans(store) == 0


def test_a_late_settlement_corrects_the_charge_of_an_orphan(store: Store) -> None:
    hold = a_hold(store)
    with store.write() as connection:
        connection.execute("UPDATE holds SET owner = ':1:0'")
    assert charges.sweep_orphans(store) == 1
    charges.settle(store, hold, reported(100, 10))
    (charge,) = store.rows("SELECT * FROM charges")
    assert charge["cash_nano"] == 100 * 3_000 + 10 * 15_000
    assert [row["state"] for row in store.rows("SELECT state FROM holds")] == ["posted"]


def test_a_stopped_process_is_alive_and_a_reused_pid_is_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        os.kill(child.pid, signal.SIGSTOP)
        boot, _, _ = owners.this_process().rsplit(":", 2)
        started = stat_field(child.pid, STARTED)
        assert owners.alive(f"{boot}:{child.pid}:{started}")
        assert not owners.alive(f"{boot}:{child.pid}:1{started}")
        assert not owners.alive(f"another-boot:{child.pid}:{started}")
    finally:
        os.kill(child.pid, signal.SIGCONT)
        child.communicate(b"\n")
