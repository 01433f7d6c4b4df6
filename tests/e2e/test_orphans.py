"""Nothing outlives a session, however it ends; and nobody finds a key in Aider."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import LODESTAR, SOURCE, Machine
from tests.fakes.shim_client import free_model, wait_for
from tests.fakes.upstream import Upstream

KEY = "sk-planted-0123456789abcdefghij"


@pytest.fixture
def upstream(machine: Machine):
    with Upstream(text="no edit") as server:
        entry = free_model(server.url, key_env="MY_PLANTED_KEY")
        machine.config("main: fake\nweak: fake\n" + entry)
        yield server


@contextmanager
def _started(machine: Machine) -> Iterator[subprocess.Popen[bytes]]:
    """A session under way; killed at the end, where it has not ended."""
    process = subprocess.Popen(
        [str(LODESTAR), "code", "--yes-always", "hello.py", "--message", "x"],
        cwd=machine.project,
        env={**machine.environ, "MY_PLANTED_KEY": KEY, "OPENAI_API_KEY": KEY},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_killed_supervisor_takes_aider_and_shim_along_without_a_terminal(
    machine: Machine, upstream: Upstream
) -> None:
    upstream.script("hang")
    with _started(machine) as supervisor:
        upstream.wait_requests(1, timeout=60)
        assert machine.processes("lodestar_aider")
        os.kill(supervisor.pid, signal.SIGKILL)
        supervisor.wait()
        machine.wait_gone()
    assert machine.text() == SOURCE
    done = machine.run(
        "code", "--message", "x", "--yes-always", "hello.py", env={"MY_PLANTED_KEY": KEY}
    )
    assert done.returncode == 0
    statuses = machine.rows("SELECT status FROM exchanges ORDER BY id LIMIT 1")
    assert statuses[0]["status"] in ("aborted", "killed")
    assert not machine.rows("SELECT 1 FROM sessions WHERE ended_ms IS NULL")


def test_interrupts_at_the_end_change_neither_the_result_nor_the_rows(
    machine: Machine, upstream: Upstream
) -> None:
    upstream.script("hang")
    with _started(machine) as supervisor:
        upstream.wait_requests(1, timeout=60)
        upstream.release()
        machine.wait_gone("lodestar_aider", 60)
        while machine.processes("lodestar_shim"):
            supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(60) == 0
    rows = machine.rows("SELECT exit_code, end_reason FROM sessions")
    assert rows == [{"exit_code": 0, "end_reason": "ended"}]


def test_the_key_reaches_the_upstream_and_no_other_place(
    machine: Machine, upstream: Upstream
) -> None:
    upstream.script("hang")
    with _started(machine) as supervisor:
        upstream.wait_requests(1, timeout=60)
        assert upstream.chats[0].headers["Authorization"] == f"Bearer {KEY}"
        aider = machine.processes("lodestar_aider")
        assert aider
        for pid in aider:
            with open(f"/proc/{pid}/environ", "rb") as environ:
                assert KEY.encode() not in environ.read()
        for pid in machine.processes():
            with open(f"/proc/{pid}/cmdline", "rb") as command:
                assert KEY.encode() not in command.read()
        upstream.release()
        assert supervisor.wait(60) == 0
    wait_for(lambda: not machine.processes("lodestar_shim"))
    found = [
        path
        for folder in (machine.home, machine.project)
        for path in folder.rglob("*")
        if path.is_file() and KEY.encode() in path.read_bytes()
    ]
    assert not found


def test_what_a_session_leaves_is_private(machine: Machine, upstream: Upstream) -> None:
    machine.run("code", "--yes-always", "hello.py", "--message", "x", env={"MY_PLANTED_KEY": KEY})
    open_to_others = [
        path
        for path in machine.home.rglob("*")
        if path.name != "config.yaml" and path.is_file() and path.stat().st_mode & 0o077
    ]
    assert not [p for p in open_to_others if "tags.cache" not in str(p)]
    assert machine.home.stat().st_mode & 0o077 == 0
    assert list((machine.home / "run").glob("*/launcher.json")) == []
