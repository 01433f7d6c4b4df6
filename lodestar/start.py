"""The entry point: gives Aider a head start, then loads the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lodestar.private import UMASK, seal
from lodestar.running import forget_token


def main() -> None:
    """Run the command line and exit with its code."""
    _open_streams()
    seal()
    forget_token(os.environ)
    code_wanted = sys.argv[1:2] == ["code"]
    if not code_wanted:
        # What Aider writes is the project's: there the user's own umask stays.
        os.umask(UMASK)
    ahead = None
    try:
        if code_wanted and not _question_ahead():
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


def _question_ahead() -> bool:
    """Whether the user has to say first what the repository may set: until then nothing starts."""
    from lodestar.project import find_project
    from lodestar.trust.files import anything_there

    try:
        project = find_project(Path.cwd())
        if not anything_there(project):
            return False
        from lodestar.paths import home_root
        from lodestar.terminal import interactive
        from lodestar.trust.pins import Pins

        return interactive(os.environ) and Pins(home_root()).standing(project).undecided
    except OSError:
        # No folder to be in, or one that cannot be looked at: said by those who need it.
        return True


def _open_streams() -> None:
    """A closed stream's number would go to the next file or socket, and a child would use that."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
