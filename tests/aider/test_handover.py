"""Aider after the death of its supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

import lodestar_aider
from tests.fakes.shim_client import state, wait_for

PACKAGES = str(Path(lodestar_aider.__file__).parents[1])

# A session's leader, as a shell is: its job waits for the end of the pipe, and is stopped or
# ended by then. Prints the signal, and whether the terminal echoes.
SHELL = """
import os, signal, sys, termios
from lodestar_aider.handover import Handover

def echo(on):
    mode = termios.tcgetattr(0)
    mode[3] = mode[3] | termios.ECHO if on else mode[3] & ~termios.ECHO
    termios.tcsetattr(0, termios.TCSADRAIN, mode)
    return mode

signal.signal(signal.SIGTTOU, signal.SIG_IGN)
reading, writing = os.pipe()
ready, tell = os.pipe()
job = os.fork()
if not job:
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.close(writing)
    os.setpgid(0, 0)
    handover = Handover(reading)
    os.write(tell, b"x")
    handover.watch()
    while True:
        signal.pause()
os.read(ready, 1)
if sys.argv[1] == "job in front":
    os.tcsetpgrp(0, job)
echo(False)
os.close(writing)
pid, status = os.waitpid(job, os.WUNTRACED)
ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else "stopped"
os.tcsetpgrp(0, os.getpgrp())
echoes = bool(termios.tcgetattr(0)[3] & termios.ECHO)
if ended == "stopped":
    os.kill(job, signal.SIGKILL)
print("ended by", ended, "echo", echoes)
"""


# Its supervisor dies while the import of Aider takes for ever. The child that it has started
# ends with it, the one that leads a session of its own stays; prints who is left.
IMPORTING = """
import os, subprocess, sys, threading
from lodestar_aider import handover

reading, writing = os.pipe()
ready, tell = os.pipe()
importing = os.fork()
if not importing:
    os.close(writing)
    def slowly():
        for apart in (False, True):
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            child = subprocess.Popen(["sleep", "41417"], start_new_session=apart, **quiet)
            print(child.pid, flush=True)
        os.write(tell, b"x")
        threading.Event().wait()
    handover._import_ahead = slowly
    handover.Handover(reading).spec_path()
os.read(ready, 1)
os.close(writing)
print(os.WTERMSIG(os.waitpid(importing, 0)[1]))
"""


def test_an_orphan_does_not_finish_its_imports_and_takes_its_children_along() -> None:
    command = [sys.executable, "-c", IMPORTING]
    environ = {**os.environ, "PYTHONPATH": PACKAGES}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=20)
    child, daemon, ended_by = (int(line) for line in done.stdout.split())
    try:
        assert ended_by == signal.SIGTERM
        wait_for(lambda: state(child) in ("", "Z"))
        assert state(daemon) == "S"
    finally:
        os.kill(daemon, signal.SIGKILL)


@pytest.mark.parametrize(("who", "echo"), [("job in front", True), ("shell in front", False)])
def test_an_orphan_ends_and_leaves_the_terminal_to_a_shell_that_has_it(
    who: str, echo: bool
) -> None:
    """A shell that is back in front has set the terminal for its own prompt already."""
    child = pexpect.spawn(
        sys.executable, ["-c", SHELL, who], env={**os.environ, "PYTHONPATH": PACKAGES}, timeout=20
    )
    try:
        child.expect(f"ended by {int(signal.SIGTERM)} echo {echo}")
    finally:
        child.close(force=True)
