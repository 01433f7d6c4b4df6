"""What Aider leaves running, and a terminal that belongs to somebody else by then."""

from __future__ import annotations

import os
import subprocess
import sys

import pexpect
import pytest

from tests.fakes.shim_client import state, wait_for

# The role of the supervisor: a child of its own from before, and a child that leaves three
# orphans: one that ends when it is asked to, one that must be forced, one that leads a session.
ORPHANS = """
import os, signal, subprocess, sys
from lodestar.supervisor import orphans
orphans._STEPS = ((0, 0.1), (signal.SIGTERM, 0.5), (signal.SIGKILL, 10))
own = subprocess.Popen(["sleep", "41417"])
jobs = orphans.Orphans()
LEAVE = '''
import signal, subprocess
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
soft = subprocess.Popen(["sleep", "41417"], **quiet)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
hard = subprocess.Popen(["sleep", "41417"], **quiet)
apart = subprocess.Popen(["sleep", "41417"], start_new_session=True, **quiet)
print(soft.pid, hard.pid, apart.pid, flush=True)
'''
left = subprocess.run([sys.executable, "-c", LEAVE], capture_output=True, text=True).stdout
jobs.end()
print(own.pid, left, flush=True)
for pid in (own.pid, *map(int, left.split())):
    print(int(os.path.exists(f"/proc/{pid}")), end=" ", flush=True)
    if os.path.exists(f"/proc/{pid}"):
        os.kill(pid, signal.SIGKILL)
"""

# A job that a shell has put in the background: whoever changes the terminal there is stopped.
BACKGROUND = """
import os, signal, sys, termios
from lodestar.supervisor.terminal import restored
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if not job:
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.setpgid(0, 0)
    with restored():
        mode = termios.tcgetattr(0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        mode[3] &= ~termios.ECHO
        termios.tcsetattr(0, termios.TCSANOW, mode)
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os._exit(7)
status = os.waitpid(job, os.WUNTRACED)[1]
print("stopped" if os.WIFSTOPPED(status) else f"exit {os.WEXITSTATUS(status)}")
"""


def test_orphans_are_asked_then_forced_to_end_but_for_those_that_left_on_purpose() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ORPHANS], capture_output=True, text=True, timeout=30, check=True
    )
    own, soft, hard, apart, *alive = (int(word) for word in done.stdout.split())
    assert alive == [1, 0, 0, 1], done.stderr
    for pid in (own, soft, hard, apart):
        wait_for(lambda pid=pid: state(pid) in ("", "Z"))


def test_a_session_in_the_background_is_not_stopped_by_its_end() -> None:
    child = pexpect.spawn(sys.executable, ["-c", BACKGROUND], timeout=20)
    try:
        child.expect("exit 7|stopped")
        assert child.after == b"exit 7"
    finally:
        child.close(force=True)


@pytest.mark.parametrize(("term", "written"), [("xterm", True), ("dumb", False)])
def test_the_cursor_is_shown_again_where_the_terminal_understands_it(
    term: str, written: bool
) -> None:
    code = "from lodestar.supervisor.terminal import restored\nwith restored(): print('inside')"
    child = pexpect.spawn(
        sys.executable, ["-c", code], env={**os.environ, "TERM": term}, timeout=20
    )
    try:
        child.expect(pexpect.EOF)
        assert (b"\x1b[?25h" in child.before) is written
        assert b"inside" in child.before
    finally:
        child.close(force=True)
