"""Telling the user of edits that no commit holds. Nothing is committed or taken back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lodestar.commits import harmless_environment
from lodestar.paths import Home
from lodestar.store.store import Store
from lodestar.store.uncommitted import (
    Uncommitted,
    journal_path,
    of_session,
    of_the_dead,
    record,
)
from lodestar.terminal import one_line

NAMED = 5
GIT_TIMEOUT_S = 10.0
# A repository's own settings must not run anything here.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_STATUS = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--")


def tell_left(home: Home, root: Path) -> list[Uncommitted]:
    """Name what killed sessions left in this project; returns what is to be settled."""
    here = os.path.realpath(root)
    found = [left for left in of_the_dead(home) if os.path.realpath(left.root) == here]
    for left in found:
        _say("a session that was killed left uncommitted edits", dirty(left.root, left.files))
    return found


def settle(home: Home, store: Store, told: Sequence[Uncommitted]) -> None:
    """What was told once is on record and is not told again."""
    for left in told:
        record(store, left)
        journal_path(home, left.session).unlink(missing_ok=True)


def tell_own(home: Home, store: Store, session: str) -> None:
    """Record and name what this session leaves, after a killed Aider for example."""
    left = of_session(home, session)
    if left and (changed := dirty(left.root, left.files)):
        record(store, left)
        try:
            _say("edits of this session are not committed", changed)
        except OSError:
            # The terminal is gone; the next session says it.
            return
    journal_path(home, session).unlink(missing_ok=True)


def dirty(root: Path, files: Sequence[str]) -> Sequence[str]:
    """Those of the files that git sees as changed; all of them where it cannot be asked."""
    try:
        done = subprocess.run(
            [*_GIT, *_STATUS, *files],
            cwd=root,
            env=harmless_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return files
    return [os.fsdecode(entry[3:]) for entry in done.stdout.split(b"\0") if len(entry) > 3]


def _say(what: str, files: Sequence[str]) -> None:
    if files:
        more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
        line = f"{what}: {', '.join(files[:NAMED])}{more} (see: git diff)"
        sys.stderr.write(f"warning: {one_line(line)}\n")
