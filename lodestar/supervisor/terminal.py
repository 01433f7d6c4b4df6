"""The user's terminal: as it was before, whatever happened in between."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Bracketed paste off, cursor shown, colours reset.
_RESET = "\x1b[?2004l\x1b[?25h\x1b[0m"


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
            if termios.tcgetattr(descriptor) != saved:
                termios.tcsetattr(descriptor, termios.TCSADRAIN, saved)
                if sys.stdout is not None and sys.stdout.isatty():
                    os.write(sys.stdout.fileno(), _RESET.encode())
