"""A writer that is told to stop: Ctrl-Z in the middle of a transaction."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from lodestar.paths import Home
from lodestar.store.schema import CORE
from lodestar.store.store import Store

STOPPED_WRITER = """
import os, pathlib, sys
from lodestar.paths import Home
from lodestar.store.schema import CORE
from lodestar.store.store import Store
# A group of its own, as a shell gives its jobs: in an orphaned one nobody is stopped.
os.setpgid(0, 0)
home = Home(pathlib.Path(sys.argv[1]))
with Store.open(home.database, [CORE]) as store:
    with store.write() as connection:
        connection.execute("INSERT INTO projects VALUES ('P1', '/p', 'p', 1)")
        print("open", flush=True)
        sys.stdin.readline()
"""


def test_a_writer_that_is_told_to_stop_finishes_first(tmp_path: Path) -> None:
    """Others wait for the end of the transaction, not for `fg`."""
    home = Home(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", STOPPED_WRITER, str(home.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == "open\n"
        child.send_signal(signal.SIGTSTP)
        child.stdin.write("finish\n")
        child.stdin.flush()
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        with Store.open(home.database, [CORE]) as store:
            assert [row["id"] for row in store.rows("SELECT id FROM projects")] == ["P1"]
            with store.write() as connection:
                connection.execute("DELETE FROM projects")
        child.send_signal(signal.SIGCONT)
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.communicate()
