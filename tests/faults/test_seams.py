"""The harness counts what crosses a seam, fails one call of it and ends by itself."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.process import command, environment
from tests.faults.seams import FilePlan, LocalPlan, installed, rounds


def _database(folder: Path) -> None:
    with sqlite3.connect(folder / "a.db", isolation_level=None) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS t(x)")
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()


def _files(folder: Path) -> None:
    with open(folder / "new", "w") as stream:
        os.fsync(stream.fileno())
    os.replace(folder / "new", folder / "old")


def _sockets(folder: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as near,
        server.accept()[0] as far,
    ):
        near.sendall(b"x")
        assert far.recv(1) == b"x"


@pytest.mark.parametrize(
    ("seam", "work", "least"),
    [("database", _database, 3), ("files", _files, 3), ("sockets", _sockets, 4)],
)
@pytest.mark.parametrize("after", [False, True])
def test_each_call_of_a_seam_fails_once(
    seam: str, work: Callable[[Path], None], least: int, after: bool, tmp_path: Path
) -> None:
    plan, failed = LocalPlan(), 0
    with installed(seam, plan, tmp_path):
        for _ in rounds(plan, after):
            try:
                work(tmp_path)
            except (OSError, sqlite3.Error):
                failed += 1
                assert plan.fired()
    work(tmp_path)
    assert failed >= least


def test_files_elsewhere_do_not_count(tmp_path: Path) -> None:
    plan = LocalPlan()
    with installed("files", plan, tmp_path / "mine"):
        plan.arm(1, after=False)
        (tmp_path / "other").write_text("x")
        assert not plan.fired()


def test_a_call_that_fails_after_its_effect_has_had_it(tmp_path: Path) -> None:
    plan = LocalPlan()
    with (
        installed("database", plan),
        sqlite3.connect(tmp_path / "a.db", isolation_level=None) as connection,
    ):
        connection.execute("CREATE TABLE t(x)")
        plan.arm(1, after=True)
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("INSERT INTO t VALUES (1)")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)
    connection.close()


def test_work_that_crosses_no_seam_is_no_test(tmp_path: Path) -> None:
    plan = LocalPlan()
    with installed("database", plan), pytest.raises(AssertionError, match="nothing was tested"):
        for _ in rounds(plan):
            pass


def test_a_process_is_told_of_its_fault_while_it_runs(tmp_path: Path) -> None:
    """The plan is read at each call, so that one process serves many rounds."""
    (tmp_path / "asker.py").write_text(
        "import sqlite3, sys\n"
        "base = sqlite3.connect(':memory:')\n"
        "print('ready', flush=True)\n"
        "for line in sys.stdin:\n"
        "    try:\n"
        "        base.execute('SELECT 1'), base.execute('SELECT 1')\n"
        "        print('fine', flush=True)\n"
        "    except sqlite3.OperationalError as error:\n"
        "        print(error, flush=True)\n"
    )
    plan, said = FilePlan(tmp_path), []
    environ = environment(os.environ)
    environ["PYTHONPATH"] += os.pathsep + str(tmp_path)
    with subprocess.Popen(
        command("database", plan, tmp_path, "asker"),
        env=environ,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        for _ in rounds(plan):
            process.stdin.write("again\n")
            process.stdin.flush()
            said.append(process.stdout.readline().strip())
        process.stdin.close()
    assert said == ["disk I/O error", "disk I/O error", "fine"]
    assert process.returncode == 0
