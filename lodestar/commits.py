"""Looking at a commit without letting the repository run anything."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from lodestar.terminal import printable

HASH = re.compile(r"[0-9a-f]{7,64}\Z")
# A repository's own configuration may name programs that git would run.
_HARMLESS = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "log.showSignature=false")
_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "XDG_CONFIG_HOME", "TMPDIR")


def show_commit(root: Path, commit: str, timeout_s: float = 10.0) -> str:
    """The commit's statistics and diff as printable text; one line where it cannot be shown."""
    if not HASH.match(commit):
        return f"({printable(commit)!r} is not a commit)"
    options = [part for setting in _HARMLESS for part in ("-c", setting)]
    command = ["git", *options, "--no-pager", "show", "--no-color", "--stat", "-p"]
    command += ["--no-ext-diff", "--no-textconv", "--no-show-signature", commit, "--"]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=_environment(),
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


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    return {**kept, "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
