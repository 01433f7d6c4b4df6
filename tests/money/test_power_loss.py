"""The power fails at any moment: what was acknowledged is there, and the database opens.

Three processes place and settle holds, as shims do, open and close the database, and keep the
witness; what they do to its files is recorded, call by call. From the record the files are made
as a power loss at a moment may leave them, and the real store opens them.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lodestar.errors import LedgerError
from lodestar.modules.usage_tracker.audit import audit
from lodestar.store.store import Store
from tests.fakes.invariants import open_store
from tests.fakes.power_loss import Disk, Recorder

PROCESSES = 3
SEEDS = 20
SPENDER = """
import json, os, pathlib, sys
from lodestar.modules.usage_tracker import charges
from lodestar.modules.usage_tracker.tests.money import a_hold
from lodestar.store import log_sync, store as stores
from tests.fakes.invariants import open_store
from tests.fakes.values import a_request, a_route, reported
home = pathlib.Path(sys.argv[1])
if sys.argv[2] == "unsynced":
    log_sync.fdatasync = lambda handle: None
stores.CHECKPOINT_COMMITS = 20
out = os.open(home / "report", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
def report(**said):
    os.write(out, json.dumps(said).encode())
for opening in range(3):
    with open_store(home) as store:
        if sys.argv[3] == "0":
            store.checkpoint_apart()
        else:
            with store.read() as base:
                # Often, so that the log is begun anew again and again.
                base.execute("PRAGMA wal_autocheckpoint=60")
        for number in range(12):
            hold = a_hold(store)
            report(hold=hold.id, amount=hold.amount)
            if number % 5:
                row = charges.settle(store, hold, reported(100, number))
                report(hold=hold.id, cash=row["cash_nano"])
            else:
                store.keep_witness()
            # What need not last is in the log between what must.
            charges.charge_free(store, a_request(), a_route(), reported(1, number), None)
            store.checkpoint()
"""


class LostError(AssertionError):
    """Something that was acknowledged is not there."""


def record(folder: Path, mode: str) -> Disk:
    """What processes do that write with this setting."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    recorder = Recorder(home, folder)
    command = [sys.executable, "-c", SPENDER, str(home), mode]
    environ = {**recorder.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for count in (PROCESSES, 1):
        spend = [[*command, str(number)] for number in range(count)]
        workers = [subprocess.Popen(one, env=environ) for one in spend]
        assert [worker.wait(timeout=300) for worker in workers] == [0] * count
    return recorder.disk()


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return record(tmp_path_factory.mktemp("synced"), "synced")


@pytest.fixture(scope="module")
def unsynced(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return record(tmp_path_factory.mktemp("unsynced"), "unsynced")


@contextmanager
def after_loss(disk: Disk, seed: int, folder: Path) -> Iterator[tuple[Store, list[dict[str, Any]]]]:
    """The real store on what is left, and what had been acknowledged."""
    draw = random.Random(seed)
    moment = draw.randrange(len(disk.events) + 1)
    left = folder / str(seed)
    disk.lose_power(moment, draw, left)
    said = disk.said(moment)
    try:
        with open_store(left) as store:
            yield store, said
    except LedgerError as error:
        raise LostError(f"seed {seed}, moment {moment}: {error.what}, {error.why}") from error
    shutil.rmtree(left)


def check(store: Store, said: list[dict[str, Any]]) -> None:
    """All that was acknowledged is there as it was, and the books are right."""
    assert store.rows("PRAGMA integrity_check")[0][0] == "ok"
    assert store.unfit is None
    held = {row["id"]: row["amount_nano"] for row in store.rows("SELECT * FROM holds")}
    charged = {row["hold_id"]: row["cash_nano"] for row in store.rows("SELECT * FROM charges")}
    lost = [
        one
        for one in said
        if held.get(one["hold"]) != one.get("amount", held.get(one["hold"], "lost"))
        or charged.get(one["hold"]) != one.get("cash", charged.get(one["hold"]))
    ]
    if lost:
        raise LostError(f"{len(lost)} of {len(said)} are lost: {lost[:2]}")
    assert audit(store).findings == ()


def check_seeds(disk: Disk, seeds: range, folder: Path) -> None:
    for seed in seeds:
        with after_loss(disk, seed, folder) as (store, said):
            check(store, said)


@pytest.mark.parametrize(
    "seeds", [range(SEEDS), pytest.param(range(SEEDS, 200), marks=pytest.mark.slow)]
)
def test_no_power_loss_takes_what_was_acknowledged(
    synced: Disk, seeds: range, tmp_path: Path
) -> None:
    check_seeds(synced, seeds, tmp_path)


@pytest.mark.xfail(strict=True, raises=LostError, reason="this is what the sync is for")
def test_power_loss_takes_what_was_acknowledged_without_synchronising(
    unsynced: Disk, tmp_path: Path
) -> None:
    check_seeds(unsynced, range(SEEDS), tmp_path)


def test_what_was_recorded_has_all_that_can_go_wrong(synced: Disk) -> None:
    """Checkpoints while others write, a log that is begun anew, one that is removed."""
    names = [(event.kind.name, event.path.name) for event in synced.events]
    assert names.count(("WRITE", "usage.db")) > 50
    assert ("UNLINK", "usage.db-wal") in names
    anew = [e for e in synced.events if e.path.name == "usage.db-wal" and e.offset == 0]
    assert len([event for event in anew if event.kind.name == "WRITE"]) > 5
    assert len(synced.said(len(synced.events))) > 100
