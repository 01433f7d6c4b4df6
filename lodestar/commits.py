"""Looking at a commit without letting the repository run anything."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from lodestar.terminal import printable

HASH = re.compile(r"[0-9a-f]{7,64}\Z")
WHOLE_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")
# A repository's own configuration may name programs that git would run.
_HARMLESS = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "log.showSignature=false")
NO_PROGRAMS = ("--no-ext-diff", "--no-textconv")
"""For every command of git that shows what a file holds."""
_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "XDG_CONFIG_HOME", "TMPDIR")


def show_commit(root: Path, commit: str, timeout_s: float = 10.0) -> str:
    """The commit's statistics and diff as printable text; one line where it cannot be shown."""
    if not HASH.match(commit):
        return f"({printable(commit)!r} is not a commit)"
    command = [*harmless_git(), "show", "--no-color", "--stat", "-p"]
    command += [*NO_PROGRAMS, "--no-show-signature", commit, "--"]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=harmless_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"(the commit {commit[:8]} cannot be shown: {type(error).__name__})"
    if done.returncode:
        return f"(the commit {commit[:8]} is not in {root} any more)"
    return printable(done.stdout.decode("utf-8", "replace"))


def harmless_git() -> list[str]:
    """The beginning of a command line of git that runs nothing which a repository names."""
    options = [part for setting in _HARMLESS for part in ("-c", setting)]
    return ["git", *options, "--no-pager"]


def harmless_environment() -> dict[str, str]:
    """What git may know; it locks nothing, asks nobody and fetches nothing.

    A repository may say that an object is elsewhere, and name a program that brings it.
    """
    kept = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    return {
        **kept,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        # Older ones do not know that word: no protocol is allowed, whatever the settings say.
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
