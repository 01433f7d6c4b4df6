"""Running a program without root's rights, where the tests have them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

NOBODY = 65534


def prefix() -> tuple[str, ...]:
    """What to put before a command, so that it runs as an ordinary user.

    It may read every file, as the interpreter may lie in root's home; it may not look into
    other processes. Skips where that cannot be had.
    """
    if os.getuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("the tests run as root, and there is no setpriv to become somebody else")
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    only = "-all,+dac_read_search"
    return (
        setpriv,
        *user,
        f"--bounding-set={only}",
        f"--inh-caps={only}",
        f"--ambient-caps={only}",
    )


def give(*folders: Path) -> None:
    """Make folders, and what is in them, that user's."""
    if os.getuid() == 0:
        for folder in folders:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
