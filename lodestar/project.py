"""The project around a folder. Standard library only: it is looked at before all else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FILE_NAME = ".lodestar.yaml"


@dataclass(frozen=True)
class Project:
    """A git work tree (or a plain folder) and its project file, where there is one."""

    root: Path
    file: Path | None


def find_project(start: Path) -> Project:
    """Look upwards from `start` for the file, no further than the git root.

    Whatever bears the name is found, also a link or a folder: what is wrong with it is said
    by those who read it.
    """
    start = start.absolute()
    found: Path | None = None
    for folder in (start, *start.parents):
        candidate = folder / FILE_NAME
        if found is None and os.path.lexists(candidate):
            found = candidate
        if (folder / ".git").exists():
            return Project(folder, found)
    # Outside a repository only the folder itself counts: a parent may be anybody's.
    alone = start / FILE_NAME
    return Project(start, alone if os.path.lexists(alone) else None)
