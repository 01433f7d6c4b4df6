"""Which database may be trusted with money, and which may not: place, identity, age, damage."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from lodestar.errors import LedgerError
from lodestar.paths import Home
from lodestar.store import fitness, look, state
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.fakes import ledgers, unprivileged
from tests.fakes.ledgers import DISASTERS, Disaster

REASONS = {
    "deleted": "is gone",
    "truncated": "is empty",
    "cut_short": "is damaged",
    "header_zeroed": "is damaged",
    "overwritten": "is damaged",
    "older": "is an older copy",
    "another": "is not the database that was left here",
    "from_the_future": "newer than this Lodestar",
    "linked": "not in a safe place",
}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database of some pages, closed in order."""
    path = Home(tmp_path / "home").root / "usage.db"
    ledgers.grow(path)
    return path


@pytest.mark.parametrize("disaster", DISASTERS, ids=lambda one: one.__name__)
def test_each_disaster_is_refused_with_a_reason_and_a_way_out(
    disaster: Disaster, database: Path
) -> None:
    disaster(database)
    before = database.read_bytes() if database.exists() else None
    for _ in range(2):
        with pytest.raises(LedgerError, match=REASONS[disaster.__name__]) as error:
            Store.open(database, [CORE], whole=True)
        assert error.value.exit_code == 7
        assert error.value.do
    assert (database.read_bytes() if database.exists() else None) == before
    found = look.problem(database, [CORE], whole=True)
    assert found is not None
    assert found.what == error.value.what


def test_a_first_run_is_no_disaster(tmp_path: Path) -> None:
    path = tmp_path / "home" / "usage.db"
    assert look.problem(path) is None
    with Store.open(path, [CORE]) as store:
        assert store.unfit is None
    seen = json.loads(state.witness_path(path).read_text())
    assert seen["sequence"] == 0
    assert state.witness_path(path).stat().st_mode & 0o777 == 0o600


def test_a_database_of_before_the_witness_gets_one(database: Path) -> None:
    state.witness_path(database).unlink()
    with Store.open(database, [CORE]) as store:
        known = state.read(store._connection)
    assert state.read_witness(database) == known


def test_the_witness_is_written_at_the_end_and_when_it_is_told_to(database: Path) -> None:
    before = state.read_witness(database)
    assert before
    with Store.open(database, [CORE]) as store:
        with store.write() as connection:
            state.bump(connection)
        assert state.read_witness(database) == before
        store.keep_witness()
        after = state.read_witness(database)
        assert after
        assert after.sequence == before.sequence + 1
        with store.write() as connection:
            state.bump(connection)
    final = state.read_witness(database)
    assert final
    assert final.sequence == before.sequence + 2


def test_a_change_that_was_rolled_back_is_not_counted(database: Path) -> None:
    with Store.open(database, [CORE]) as store:
        with suppress(sqlite3.Error), store.write() as connection:
            state.bump(connection)
            connection.execute("no SQL")
        assert state.read(store._connection) == state.read_witness(database)


def test_a_damaged_witness_is_not_guessed_at(database: Path) -> None:
    state.witness_path(database).write_text("{}")
    with pytest.raises(LedgerError, match=r"witness\.json cannot be read") as error:
        Store.open(database, [CORE])
    assert "restore" in error.value.do


MOUNTS = """22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:40 / /home\\040of\\040us rw - {kind} server:/home rw
31 22 0:41 / /home\\040of\\040us/local rw - ext4 /dev/sdb1 rw
32 22 0:42 / /homes rw - xfs /dev/sdc1 rw
"""


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "vboxsf", "davfs"]
)
def test_a_network_drive_is_refused_and_nothing_on_it_is_touched(kind: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    root = tmp_path / "a home"
    point = str(root).replace(" ", r"\040")
    mounts.write_text(
        f"22 1 8:1 / / rw - ext4 /dev/sda rw\n33 22 0:43 / {point} rw - {kind} s:/ rw"
    )
    with pytest.raises(LedgerError, match="not in a safe place") as error:
        Store.open(root / "usage.db", [CORE], mounts=mounts)
    assert kind in error.value.why
    assert "LODESTAR_HOME" in error.value.do
    assert not root.exists()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home of us/x/.lodestar", "nfs4"),
        ("/home of us/local/.lodestar", "ext4"),
        ("/homes/x", "xfs"),
        ("/home of u", "ext4"),
    ],
)
def test_the_mount_that_a_path_lies_on_is_found(path: str, kind: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(kind="nfs4"))
    assert fitness.file_system(Path(path), mounts) == kind


def test_the_disk_of_these_tests_is_known() -> None:
    assert fitness.file_system(Path("/proc")) == "proc"


def test_a_folder_that_anybody_may_change_is_refused(database: Path) -> None:
    database.parent.chmod(0o777)
    with pytest.raises(LedgerError, match="not in a safe place") as error:
        Store.open(database, [CORE])
    assert "chmod o-w" in error.value.do


def test_somebody_elses_folder_is_refused(database: Path, tmp_path: Path) -> None:
    """Opened by a user who is not its owner."""
    program = (
        "import pathlib, sys; from lodestar.store.look import problem;"
        "print(problem(pathlib.Path(sys.argv[1])).why)"
    )
    before = unprivileged.prefix()
    if not before:
        pytest.skip("only root can make a folder of somebody else's")
    tmp_path.chmod(0o755)
    command = [*before, sys.executable, "-c", program, str(database)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert "belongs to another user" in done.stdout, done.stderr


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
@pytest.mark.parametrize("how", ["removed", "exchanged"])
def test_files_that_change_under_an_open_database_are_noticed(
    suffix: str, how: str, database: Path
) -> None:
    with Store.open(database, [CORE]) as store:
        assert store.unfit is None
        file = Path(f"{database}{suffix}")
        file.rename(database.with_name("away"))
        if how == "exchanged":
            file.write_bytes(database.with_name("away").read_bytes())
        assert store.unfit
        assert "while it was in use" in store.unfit.what
        database.with_name("away").replace(file)
        assert store.unfit is None


def test_an_open_database_that_is_emptied_is_noticed(database: Path) -> None:
    with Store.open(database, [CORE]) as store:
        os.truncate(database, 0)
        assert store.unfit
