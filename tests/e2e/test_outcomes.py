"""What became of an edit, counted in the background of the next session."""

from __future__ import annotations

import subprocess
import sys

import pexpect

from tests.e2e.conftest import FakedMachine
from tests.e2e.screen import Screen
from tests.fakes.shim_client import wait_for

LONG_AGO = "2026-01-01T00:00:00 +0000"
DATES = {"GIT_AUTHOR_DATE": LONG_AGO, "GIT_COMMITTER_DATE": LONG_AGO}
# The same program, only that the run in the background begins at another time.
PROGRAM = """import lodestar.supervisor.outcomes as outcomes
outcomes.START_AFTER_S = {after_s}
from lodestar.start import main
main()"""


def code(after_s: float, *arguments: str) -> list[str]:
    return ["-c", PROGRAM.format(after_s=after_s), "code", "--no-rating", *arguments, "hello.py"]


def test_the_next_session_counts_what_is_left_of_an_edit(faked: FakedMachine) -> None:
    subprocess.run(
        [sys.executable, *code(600, "--yes-always", "--message", "x")],
        cwd=faked.project,
        env={**faked.environ, **DATES},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    commit = faked.git("rev-parse", "HEAD").strip()
    assert faked.run("log", "list", "--kind", "edit").stdout.splitlines()[1].endswith("\t")
    child = pexpect.spawn(
        sys.executable,
        code(0),
        cwd=str(faked.project),
        env=faked.environ,
        dimensions=(30, 100),
        encoding="utf-8",
    )
    with Screen(child) as terminal:
        wait_for(lambda: faked.rows("SELECT 1 FROM signals WHERE type = 'survival'"), 60)
        wait_for(lambda: not faked.processes("lodestar.outcomes"), 60)
        terminal.wait("FREE fake")
        terminal.send("/exit\r")
        assert terminal.exit_code() == 0
    faked.wait_gone()
    rows = faked.rows(
        "SELECT g.commit_hash, e.kind FROM signals g JOIN exchanges e ON e.id = g.exchange_id"
        " WHERE g.type = 'survival'"
    )
    assert [(row["commit_hash"], row["kind"]) for row in rows] == [(commit, "edit")] * 3
    (_, edit) = faked.run("log", "list", "--kind", "edit").stdout.splitlines()
    assert edit.endswith("\t100%")
    shown = faked.run("log", "show", edit.split("\t")[0]).stdout
    assert "kept     100% of its lines" in shown
    assert "signal   survival" in shown
