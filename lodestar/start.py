"""The entry point: gives Aider a head start, then loads the command line."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    _open_streams()
    ahead = None
    try:
        if sys.argv[1:2] == ["code"]:
            from lodestar.supervisor.head_start import begin

            ahead = begin()
        # Only now: the command line's imports run while Aider's do.
        from lodestar.cli.main import run

        code = run(sys.argv[1:], ahead)
    except KeyboardInterrupt:
        # Before the command line was there to answer it.
        code = 130
    finally:
        if ahead:
            ahead.abandon()
    raise SystemExit(code)


def _open_streams() -> None:
    """A closed stream's number would go to the next file or socket, and a child would use that."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
