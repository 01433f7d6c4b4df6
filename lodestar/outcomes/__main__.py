"""The background run at a session's start: `python -m lodestar.outcomes --home H --project P`.

It ends when its stdin closes, and takes its git along: nothing outlives the session.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from lodestar.errors import LodestarError
from lodestar.outcomes.refresh import Pace, refresh
from lodestar.paths import Home
from lodestar.private import UMASK, seal
from lodestar.store.schema import CORE
from lodestar.store.store import Store

PACE = Pace(seconds=60.0, command_s=10.0, idle=True)


def main() -> None:
    """Look at one project's commits, for a minute at most."""
    seal()
    os.umask(UMASK)
    arguments = _arguments()
    threading.Thread(target=_end_with_the_session, daemon=True).start()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    if not arguments.home.database.exists():
        return
    # What cannot be looked at now is looked at by the next session.
    with suppress(LodestarError), Store.open(arguments.home.database, [CORE]) as store:
        for report in refresh(store, arguments.home, [arguments.project], PACE):
            if report.left:
                logging.warning("%s: %d commits left for next time", report.root, report.left)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lodestar.outcomes")
    parser.add_argument("--home", type=lambda text: Home(Path(text)), required=True)
    parser.add_argument("--project", type=Path, required=True)
    return parser.parse_args()


def _end_with_the_session() -> None:
    while os.read(0, 1024):
        continue
    # A session of our own, started by the supervisor: git is in it, nobody else.
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    main()
