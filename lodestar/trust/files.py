"""The files by which a repository may want to set something, each read once.

Standard library only: this runs before anything else of a session does.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lodestar.project import FILE_NAME, Project

SIZE_LIMIT = 64 * 1024
READ_LIMIT = 256 * 1024
"""For a file that Aider shows to the model, such as CONVENTIONS.md."""
AIDER_CONFIG = ".aider.conf.yml"
MODEL_SETTINGS = ".aider.model.settings.yml"
MODEL_METADATA = ".aider.model.metadata.json"
IGNORE = ".aiderignore"
ENVIRONMENT = ".env"
AIDER_FILES = (AIDER_CONFIG, MODEL_SETTINGS, MODEL_METADATA, ENVIRONMENT, IGNORE)


@dataclass(frozen=True)
class RepositoryFile:
    """One file as it was read: its bytes, or why they were not taken."""

    name: str
    data: bytes = b""
    refused: str = ""

    @property
    def mark(self) -> str:
        """What a pin keeps of it: the hash of the bytes, or why there are none."""
        return f"refused: {self.refused}" if self.refused else hashlib.sha256(self.data).hexdigest()


def read_file(root: Path, name: str, limit: int = SIZE_LIMIT) -> RepositoryFile | None:
    """Read a file below the root; None where there is none. Follows no link, waits for nothing."""
    path = root / name
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return RepositoryFile(name, refused=_kind(path))
        if os.path.realpath(path) != os.path.join(os.path.realpath(root), os.path.normpath(name)):
            return RepositoryFile(name, refused="it is reached through a link")
        # Between the look and the opening it may have become something else.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as stream:
            refused = _objection(os.fstat(descriptor), limit)
            data = b"" if refused else stream.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return RepositoryFile(name, refused=f"it cannot be read: {error.strerror}")
    if len(data) > limit:
        return RepositoryFile(name, refused=_too_large(limit))
    return RepositoryFile(name, data, refused)


def relevant_names(project: Project) -> tuple[str, ...]:
    """The names below the root that count here, whether the files are there or not."""
    own = FILE_NAME if project.file is None else str(project.file.relative_to(project.root))
    # In a plain home folder Aider's files are the user's own.
    if project.root == Path.home() and not (project.root / ".git").exists():
        return (own,)
    return (own, *AIDER_FILES)


def anything_there(project: Project) -> bool:
    """Whether there is any such file."""
    return any(os.path.lexists(project.root / name) for name in relevant_names(project))


def snapshot(project: Project, also: Iterable[str] = ()) -> Mapping[str, RepositoryFile]:
    """The relevant files that are there, and those named in `also`."""
    names = relevant_names(project)
    limits = {**dict.fromkeys(also, READ_LIMIT), **dict.fromkeys(names, SIZE_LIMIT)}
    found = (read_file(project.root, name, limit) for name, limit in limits.items())
    return {file.name: file for file in found if file is not None}


def _kind(path: Path) -> str:
    return "it is a link" if path.is_symlink() else "it is not a plain file"


def _objection(status: os.stat_result, limit: int) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "it is not a plain file"
    if status.st_mode & stat.S_IWOTH:
        return "anybody on this machine can change it"
    return _too_large(limit) if status.st_size > limit else ""


def _too_large(limit: int) -> str:
    return f"it is larger than {limit // 1024} kB"
