"""Start without inheriting secrets: only an allow-list of the environment survives."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

KEPT = frozenset(
    {"PATH", "HOME", "LANG", "TMPDIR", "XDG_RUNTIME_DIR", "LODESTAR_HOME"}
    # macOS puts this one back into every process; without it here we would exec for ever.
    | {"__CF_USER_TEXT_ENCODING"}
)
KEPT_PREFIXES = ("LC_", "OMP_")


def allowed(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that the engine and its children may see."""
    return {
        name: value
        for name, value in environ.items()
        if name in KEPT or name.startswith(KEPT_PREFIXES)
    }


def drop_secrets() -> None:
    """Replace this process by itself with a clean environment, where it is not clean yet.

    Deleting from os.environ would leave the original block readable in /proc/PID/environ,
    so the process executes itself anew; its pid and open files stay the same.
    """
    clean = allowed(os.environ)
    if len(clean) < len(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], clean)  # noqa: S606
