"""A commit that was acknowledged is on the disk; a migration is whole or not there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lodestar.errors import LedgerError
from lodestar.paths import Home
from lodestar.plugins import Plugins
from lodestar.settings import Settings
from lodestar.store.migrations import MigrationSet
from lodestar.store.schema import CORE
from lodestar.store.store import Store

COMMITS = """
import os, pathlib, sqlite3, sys
from lodestar.store import log_sync, state
from lodestar.store.schema import CORE
from lodestar.store.store import Store
if sys.argv[2] == "unsynced":
    log_sync.fdatasync = lambda handle: None
with Store.open(pathlib.Path(sys.argv[1]), [CORE]) as store:
    for n in range(5):
        os.write(2, f"begin {n}\\n".encode())
        with store.write() as connection:
            state.bump(connection)
        os.write(2, f"done {n}\\n".encode())
"""


def syncs_per_commit(tmp_path: Path, mode: str) -> list[int]:
    """How often each transaction synchronised the log before it returned, as the kernel saw it."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("what reaches the kernel is seen with strace, which is not installed")
    trace = tmp_path / f"trace-{mode}"
    command = [strace, "-f", "-y", "-e", "trace=fsync,fdatasync,write", "-o", str(trace)]
    command += [sys.executable, "-c", COMMITS, str(tmp_path / mode / "usage.db"), mode]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if "ptrace" in done.stderr.lower():
        pytest.skip("this machine does not let strace look")
    assert done.returncode == 0, done.stderr
    text = trace.read_text("utf-8", "replace")
    parts = [re.search(rf'"begin {n}\\n"(.*?)"done {n}\\n"', text, re.S) for n in range(5)]
    assert all(parts)
    return [len(re.findall(r"sync\(\d+<[^>]*usage\.db-wal>\)", p[1])) for p in parts if p]


def test_each_commit_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    assert all(syncs_per_commit(tmp_path, "synced"))


def test_the_look_at_the_disk_would_see_a_commit_that_is_not(tmp_path: Path) -> None:
    """Without the store's own sync nothing is synchronised, which loses money in a power cut."""
    assert not any(syncs_per_commit(tmp_path, "unsynced"))


AT_ONCE = """
import pathlib, sys
from lodestar.plugins import Plugins
from lodestar.settings import Settings
from lodestar.store.schema import CORE
from lodestar.store.store import Store
sets = [CORE, *Plugins.load(Settings()).collect("register_migrations")]
print("ready", flush=True)
for line in sys.stdin:
    with Store.open(pathlib.Path(line.strip()) / "usage.db", sets) as store:
        print(store.unfit, len(store.rows("SELECT * FROM _sqlite_migrations")), flush=True)
"""


@pytest.fixture
def six() -> Iterator[list[subprocess.Popen[str]]]:
    """Six processes that open the database of each home they are told."""
    command, pipe = [sys.executable, "-c", AT_ONCE], subprocess.PIPE
    workers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(6)]
    assert [w.stdout.readline() for w in workers if w.stdout] == ["ready\n"] * 6
    yield workers
    for worker in workers:
        worker.communicate(timeout=30)
    assert [worker.returncode for worker in workers] == [0] * 6


@pytest.mark.parametrize("rounds", [5, pytest.param(30, marks=pytest.mark.slow)])
def test_six_that_start_at_once_make_one_database_and_one_witness(
    rounds: int, six: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    for number in range(rounds):
        home = tmp_path / str(number)
        for worker in six:
            print(home, file=worker.stdin, flush=True)
        said = {worker.stdout.readline() for worker in six if worker.stdout}
        assert len(said) == 1
        assert said.pop().startswith("None ")
        with closing(sqlite3.connect(home / "usage.db")) as connection:
            rows = connection.execute("SELECT value FROM store_state").fetchall()
        assert rows[0][0] in (home / "witness.json").read_text()


def all_sets() -> list[MigrationSet]:
    return [CORE, *Plugins.load(Settings()).collect("register_migrations")]


def old_database(path: Path) -> None:
    """As the first release left it, with rows."""
    first = [MigrationSet(group.name, group.steps[:1]) for group in all_sets()]
    with Store.open(path, first) as store, store.write() as connection:
        connection.execute("INSERT INTO projects VALUES ('P1', '/p', 'p', 1)")
        connection.execute(
            "INSERT INTO sessions(id, machine_id, project_id, profile, started_ms)"
            " VALUES ('S1', 'M1', 'P1', 'default', 1)"
        )
        connection.execute(
            "INSERT INTO exchanges(id, session_id, kind, requested_alias, stream, status,"
            " started_ms, request_bytes) VALUES ('E1', 'S1', 'edit', 'm', 1, 'ok', 1, 1)"
        )


KILLED_AT = """
import os, pathlib, signal, sqlite3, sys
from lodestar.plugins import Plugins
from lodestar.settings import Settings
from lodestar.store.schema import CORE
from lodestar.store.store import Store
sets = [CORE, *Plugins.load(Settings()).collect("register_migrations")]
left = [int(sys.argv[2])]
WRITES = ("CREATE", "ALTER", "INSERT", "DROP", "UPDATE", "COMMIT")
class Dying(sqlite3.Connection):
    def execute(self, sql, *more):
        if sql.lstrip().upper().startswith(WRITES):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().execute(sql, *more)
real = sqlite3.connect
sqlite3.connect = lambda *a, **o: real(*a, **{"factory": Dying, **o})
Store.open(pathlib.Path(sys.argv[1]), sets).close()
"""


def test_an_upgrade_that_is_killed_at_any_step_is_done_the_next_time(tmp_path: Path) -> None:
    """At each eleventh statement, so that every step of every owner is cut off somewhere."""
    origin = tmp_path / "origin" / "usage.db"
    old_database(origin)
    for number in range(0, 1100, 11):
        home = Home(tmp_path / str(number))
        home.root.mkdir()
        shutil.copy(origin, home.database)
        command = [sys.executable, "-c", KILLED_AT, str(home.database), str(number)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        with Store.open(home.database, all_sets()) as store:
            assert store.rows("SELECT session_id FROM exchanges")[0][0] == "S1"
            assert store.rows("PRAGMA integrity_check")[0][0] == "ok"
            steps = [
                tuple(r) for r in store.rows("SELECT migration_set, name FROM _sqlite_migrations")
            ]
        assert sorted(steps) == sorted((g.name, name) for g in all_sets() for name, _ in g.steps)
        if done.returncode == 0:
            break
    assert done.returncode == 0, "the last kill was still in the middle"


def test_a_newer_database_is_refused_and_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    newer = MigrationSet("core", [*CORE.steps, ("of_2031", lambda connection: None)])
    Store.open(path, [newer]).close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="newer than this Lodestar"):
        Store.open(path, [CORE])
    assert path.read_bytes() == before


LISTENER = """
import os, sys
def heard(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        name = os.path.basename(os.fsdecode(args[0]))
        # A file that this very call makes cannot have locks yet; the log never has any.
        made = isinstance(args[2], int) and args[2] & os.O_EXCL
        if name in ("usage.db", "usage.db-shm") and not made:
            print(f"OPENED {args}", file=sys.stderr)
sys.addaudithook(heard)
"""
USE = """
import pathlib
from lodestar.paths import Home, make_private, own_files
from lodestar.plugins import Plugins
from lodestar.settings import Settings
from lodestar.store import backup, purge, restore, status
from lodestar.store.daily import once_a_day
from lodestar.store.migrations import Purge
from lodestar.store.schema import CORE
from lodestar.store.store import Store
home = Home(pathlib.Path(sys.argv[1]))
sets = [CORE, *Plugins.load(Settings()).collect("register_migrations")]
for _ in range(2):
    with Store.open(home.database, sets, whole=True) as store:
        make_private(home.root)
        once_a_day(home, store, Settings(), sets)
        store.unfit, store.keep_witness()
        purge.preview(home.database, home.root, sets, Purge(before_ms=1))
        purge.purge(store, sets, Purge(before_ms=1))
        status.status(home, sets)
    restore.restore(home, restore.plan(home), sets)
restore.reset(home, sets)
"""


def test_the_database_is_opened_by_sqlite_alone(tmp_path: Path) -> None:
    """Closing it would drop the locks that this process holds on it."""
    command = [sys.executable, "-c", LISTENER + USE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")
    command = [sys.executable, "-c", LISTENER + "open(sys.argv[1])", str(tmp_path / "usage.db")]
    assert "OPENED" in subprocess.run(command, capture_output=True, text=True).stderr


def test_the_shim_and_the_command_line_open_it_by_sqlite_alone(
    isolated_home: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(LISTENER)
    environ = {**os.environ, "PYTHONPATH": str(site)}
    shim = [sys.executable, "-m", "lodestar_shim", "--home", str(isolated_home)]
    for _ in range(2):
        done = subprocess.run(shim, input="", capture_output=True, text=True, env=environ)
        assert (done.returncode, done.stderr) == (0, "")
    for words in (["data", "backup"], ["doctor"]):
        command = [sys.executable, "-m", "lodestar", *words]
        said = subprocess.run(command, capture_output=True, text=True, env=environ).stderr
        assert "OPENED" not in said
