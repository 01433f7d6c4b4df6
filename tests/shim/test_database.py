"""A shim whose database cannot be used: free work goes on, paid work does not, the user is told."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes import ledgers
from tests.fakes.ledgers import Disaster
from tests.fakes.shim_client import Shim, wait_for
from tests.fakes.upstream import Upstream

QUICK = {"upkeep_s": 0.2}
SEVERAL = (ledgers.deleted, ledgers.overwritten, ledgers.older, ledgers.linked)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def home(upstream: Upstream, isolated_home: Path) -> Path:
    """A home with a database of some pages, left in order; free and paid models at one server."""
    upstream.clear()
    at = f"provider: openai, api_base: '{upstream.url}'"
    isolated_home.mkdir(mode=0o700)
    (isolated_home / "config.yaml").write_text(
        "main: free-model\nweak: free-model\nmodels:\n"
        f"  free-model: {{{at}, model: costs-nothing, billing: free}}\n"
        f"  local-coder: {{{at}, model: costs-nothing, billing: free}}\n"
        f"  paid-model: {{{at}, model: costs, price_in: 3, price_out: 15, tier: 3}}\n"
    )
    ledgers.grow(isolated_home / "usage.db")
    return isolated_home


def asked(upstream: Upstream) -> list[str]:
    """The models that the server was asked for."""
    return [chat.body["model"] for chat in upstream.chats]


def notices(shim: Shim) -> str:
    """What the launcher would show above the prompt."""
    _, _, body = shim.request("GET", "/lodestar/v1/poll?after=0")
    return "\n".join(one["text"] for one in json.loads(body)["notices"])


def stand_ins(home: Path) -> list[Path]:
    return sorted((home / "run").glob("stand-in-*.db"))


def count(database: Path, table: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_a_session_with_a_sound_database_leaves_a_backup_and_a_witness(
    home: Path, upstream: Upstream
) -> None:
    with Shim(home) as shim:
        assert shim.chat("paid-model")[0] == 200
    assert asked(upstream) == ["costs"]
    assert not stand_ins(home)
    (made,) = (home / "backup").glob("usage-????-??-??.db")
    assert count(made, "exchanges") == 1
    seen = json.loads((home / "witness.json").read_text())["sequence"]
    with closing(sqlite3.connect(home / "usage.db")) as connection:
        sql = "SELECT value FROM store_state WHERE key = 'sequence'"
        assert connection.execute(sql).fetchone()[0] == seen
    assert seen > 3


@pytest.mark.parametrize("disaster", SEVERAL, ids=lambda one: one.__name__)
def test_free_work_goes_on_and_no_paid_request_leaves(
    disaster: Disaster, home: Path, upstream: Upstream
) -> None:
    disaster(home / "usage.db")
    before = {p.name: p.read_bytes() for p in home.glob("usage.db") if p.exists()}
    with Shim(home) as shim:
        assert shim.chat("free-model")[0] == 200
        status, _, body = shim.chat("paid-model")
        assert status in (200, 400)
        assert status == 200 or "paid models are closed" in json.loads(body)["error"]["message"]
        said = notices(shim)
        shim.process.stdin.close()
        warned = shim.process.stderr.read().decode()
    assert set(asked(upstream)) == {"costs-nothing"}
    assert "paid models are closed, free ones work" in said
    assert "lodestar data restore" in said or "LODESTAR_HOME" in said
    assert warned.startswith("warning: ")
    (kept,) = stand_ins(home)
    assert str(kept) in said
    assert count(kept, "exchanges") == 2
    # Nothing was mended, made or begun anew behind the user's back.
    assert {p.name: p.read_bytes() for p in home.glob("usage.db") if p.exists()} == before


def test_a_stand_in_in_which_nothing_was_asked_is_not_kept(home: Path) -> None:
    ledgers.deleted(home / "usage.db")
    with Shim(home):
        assert stand_ins(home)
    assert not list((home / "run").glob("stand-in-*"))


@pytest.mark.parametrize("how", ["exchanged", "emptied", "log deleted"])
def test_a_database_that_is_taken_away_in_use_closes_paid_models_at_once(
    how: str, home: Path, upstream: Upstream
) -> None:
    database = home / "usage.db"
    with Shim(home, limits=QUICK) as shim:
        assert shim.chat("paid-model")[0] == 200
        if how == "exchanged":
            shutil.copy(database, home / "copy")
            (home / "copy").rename(database)
        elif how == "emptied":
            os.truncate(database, 0)
        else:
            (home / "usage.db-wal").unlink()
        shim.chat("paid-model")
        assert asked(upstream).count("costs") == 1
        assert shim.chat("free-model")[0] == 200
        wait_for(lambda: "paid models are closed" in notices(shim), 20)
    if how == "exchanged":
        (saved,) = (home / "backup").glob("*.rescued-*.db")
        assert count(saved, "exchanges") >= 3


def test_the_first_session_of_a_day_backs_up_and_the_next_one_does_not(home: Path) -> None:
    with Shim(home, limits=QUICK) as shim:
        (made,) = wait_for(lambda: list((home / "backup").glob("usage-????-??-??.db")), 20)
        assert shim.chat("free-model")[0] == 200
    first = made.stat().st_ino
    with Shim(home, limits=QUICK) as shim:
        assert shim.chat("free-model")[0] == 200
    assert made.stat().st_ino == first
    assert count(made, "messages") == 400


IN_A_SMALL_HOME = """
import os, pathlib, subprocess, sys
home = pathlib.Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", home], check=True)
(home / "config.yaml").write_text(sys.argv[2])
if sys.argv[3] == "full":
    with open(home / "ballast", "wb", buffering=0) as stream:
        try:
            while stream.write(bytes(4096)): pass
        except OSError:
            pass
os.execv(sys.executable, [sys.executable, "-I", "-m", "lodestar_shim", "--home", str(home)])
"""


def in_a_small_home(home: Path, full: str) -> list[str]:
    """The command for a shim whose home is a file system of one megabyte that nobody else sees."""
    unshare = shutil.which("unshare")
    if unshare is None or os.getuid() or subprocess.run([unshare, "-m", "true"]).returncode:
        pytest.skip("a file system of its own needs root and mount namespaces")
    config = (home / "config.yaml").read_text()
    program = [sys.executable, "-c", IN_A_SMALL_HOME, str(home), config, full]
    return [unshare, "-m", *program]


def inside(shim: Shim, name: str) -> Path:
    """A file of the shim's own file system."""
    return Path(f"/proc/{shim.process.pid}/root{shim.home}/{name}")


def fill(shim: Shim) -> None:
    with open(inside(shim, "ballast"), "wb", buffering=0) as stream:
        while True:
            try:
                stream.write(bytes(1024))
            except OSError:
                return


def test_a_disk_that_fills_up_refuses_paid_work_and_lets_free_work_pass(
    home: Path, upstream: Upstream, tmp_path: Path
) -> None:
    """It fills up between a hold and its settlement; once there is room again, all goes on."""
    with Shim(home, command=in_a_small_home(home, "empty")) as shim:
        upstream.script("hold")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(shim.chat, "paid-model", stream=True)
            upstream.wait_requests(1)
            fill(shim)
            upstream.release()
            assert waiting.result(30)[0] == 200
        # What is free in the files themselves is used up first.
        sent = [-1]
        while sent[-1] != asked(upstream).count("costs"):
            sent.append(asked(upstream).count("costs"))
            shim.chat("paid-model", messages=[{"role": "user", "content": str(sent) * 500}])
        assert shim.chat("free-model")[0] == 200
        inside(shim, "ballast").unlink()
        assert shim.chat("paid-model")[0] == 200
        assert asked(upstream).count("costs") == sent[-1] + 1
        for path in inside(shim, "").glob("usage.db*"):
            shutil.copy(path, tmp_path)
    database = tmp_path / "usage.db"
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        known = {row[0] for row in connection.execute("SELECT id FROM attempts")}
        sql = "SELECT count(*) FROM holds WHERE state != 'voided'"
        covered = connection.execute(sql).fetchone()[0]
    paid = {c.headers["X-Request-Id"] for c in upstream.chats if c.body["model"] == "costs"}
    assert len(paid) > 1
    assert paid <= known
    assert covered >= len(paid)


def test_on_a_disk_that_is_full_from_the_start_free_work_goes_on(
    home: Path, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Shim(home, command=in_a_small_home(home, "full")) as shim:
        assert shim.chat("free-model")[0] == 200
        shim.chat("paid-model")
        said = notices(shim)
    assert set(asked(upstream)) == {"costs-nothing"}
    assert str(tmp_path) in said
    assert "free" in said


def test_a_session_without_descriptors_keeps_its_database(home: Path, upstream: Upstream) -> None:
    """The connection is open for good: where nothing more can be opened, it still counts."""
    limited = ["bash", "-c", 'ulimit -n 32; exec "$0" -I -m lodestar_shim --home "$1"']
    with Shim(home, command=[*limited, sys.executable, str(home)]) as shim:
        connections = [shim.connect() for _ in range(40)]
        for connection in connections:
            connection.connect()
        for connection in connections:
            connection.close()
        wait_for(lambda: shim.chat("paid-model")[0] == 200, 20)
    assert count(home / "usage.db", "attempts") >= 1
    assert not stand_ins(home)
