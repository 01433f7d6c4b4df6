"""The entry point: gives Aider a head start, then loads the command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    ahead = None
    if sys.argv[1:2] == ["code"]:
        from lodestar.supervisor.head_start import begin

        ahead = begin()
    try:
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
