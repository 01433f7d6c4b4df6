"""Aider after the death of its supervisor."""

from __future__ import annotations

import os
import signal
import sys

import pexpect
import pytest

from lodestar_aider.handover import Handover

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


@pytest.mark.parametrize(("who", "echo"), [("job in front", True), ("shell in front", False)])
def test_an_orphan_ends_and_leaves_the_terminal_to_a_shell_that_has_it(
    who: str, echo: bool
) -> None:
    """A shell that is back in front has set the terminal for its own prompt already."""
    folder = os.path.dirname(os.path.dirname(sys.modules[Handover.__module__].__file__))
    child = pexpect.spawn(
        sys.executable, ["-c", SHELL, who], env={**os.environ, "PYTHONPATH": folder}, timeout=20
    )
    try:
        child.expect(f"ended by {int(signal.SIGTERM)} echo {echo}")
    finally:
        child.close(force=True)
