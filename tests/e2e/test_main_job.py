"""The main job: one command, one real edit, on the model that ships, with nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.e2e.conftest import RENAMED, Machine

MESSAGE = "rename function hello to greet"
# A network namespace has no way out; only its own loopback is brought up.
LOOPBACK_UP = (
    "import fcntl, socket, struct, sys, os\n"
    "s = socket.socket()\n"
    "fcntl.ioctl(s, 0x8914, struct.pack('16sh', b'lo', 0x1))\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


def _no_network() -> tuple[str, ...]:
    before = ("unshare", "--net", "--map-root-user", sys.executable, "-c", LOOPBACK_UP)
    probe = subprocess.run([*before, "/bin/true"], capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"no network namespaces here: {probe.stderr.strip()}")
    return before


def test_a_first_run_edits_commits_and_records_without_network_or_key(machine: Machine) -> None:
    done = machine.run(
        "code", "--yes-always", "--message", MESSAGE, "hello.py", before=_no_network()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert machine.text() == RENAMED
    assert machine.git("status", "--porcelain") == ""
    assert len(machine.git("log", "--oneline").splitlines()) == 2
    edit = machine.rows("SELECT * FROM exchanges WHERE kind = 'edit'")[0]
    assert (edit["status"], edit["served_alias"], edit["usage_source"]) == (
        "ok",
        "local-coder",
        "provider",
    )
    assert edit["input_tokens"] > 0
    assert edit["output_tokens"] > 0
    assert edit["duration_ms"] > 0
    texts = machine.rows(
        "SELECT x.direction, m.text FROM exchange_messages x JOIN messages m USING (hash)"
        " WHERE x.exchange_id = ? ORDER BY position",
        edit["id"],
    )
    assert MESSAGE in texts[-2]["text"]
    assert RENAMED in texts[-1]["text"]
    assert "demo model" in done.stderr
    assert "1 commit" in done.stderr


def test_what_was_rated_and_logged_can_be_read_back(machine: Machine) -> None:
    machine.run("code", "--yes-always", "--message", MESSAGE, "hello.py")
    listed = machine.run("log", "--json", "--kind", "edit")
    assert listed.returncode == 0, listed.stderr
    assert '"local-coder"' in listed.stdout
    found = machine.run("log", "search", "greet")
    assert found.returncode == 0
    assert machine.run("rate", "last", "good").returncode == 0
    assert machine.rows("SELECT verdict FROM ratings") == [{"verdict": "good"}]
