"""The user's terminal: as it was before, whatever happened in between."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

# Bracketed paste off, cursor shown, colours reset.
_RESET = b"\x1b[?2004l\x1b[?25h\x1b[0m"


@contextmanager
def restored() -> Iterator[None]:
    """Remember the terminal's settings and put them back at the end."""
    # A closed stream is None.
    if sys.stdin is None or not sys.stdin.isatty():
        yield
        return
    descriptor = sys.stdin.fileno()
    saved = termios.tcgetattr(descriptor)
    try:
        yield
    finally:
        # The terminal may be gone: closing its window is a normal end of a session.
        with suppress(termios.error, OSError):
            if _ours(descriptor):
                _restore(descriptor, saved)


def _restore(descriptor: int, saved: list[Any]) -> None:
    # At once: a terminal that is held with Ctrl-S never drains.
    termios.tcsetattr(descriptor, termios.TCSANOW, saved)
    # A killed Aider may have hidden the cursor without a change of the settings.
    if sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        os.write(sys.stdout.fileno(), _RESET)


def _ours(descriptor: int) -> bool:
    """Whether we are in front: a shell that took the terminal back has set it as it wants it."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        # It controls no session, so nobody is in front.
        return True
