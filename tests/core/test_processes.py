"""Who counts as alive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from lodestar.store.processes import runs
from tests.fakes.shim_client import state, wait_for


def test_the_stopped_are_alive_and_the_dead_are_not_though_nobody_reaps_them() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    assert runs(child.pid)
    child.send_signal(signal.SIGSTOP)
    wait_for(lambda: state(child.pid) == "T")
    assert runs(child.pid)
    child.kill()
    wait_for(lambda: state(child.pid) == "Z")
    assert not runs(child.pid)
    child.wait()
    assert not runs(child.pid)


def test_numbers_that_are_no_process_are_not_alive() -> None:
    assert runs(os.getpid())
    assert not runs(0)
    assert not runs(2**22 + 1)
    assert not runs(2**80)
