"""What the user decided about a repository's files, pinned to their exact bytes.

Standard library only: the decision stands before any other process is started.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from lodestar.paths import Home, write_private
from lodestar.project import FILE_NAME, Project
from lodestar.trust.files import RepositoryFile, relevant_names, snapshot

Decision = Literal["trusted", "ignored", "harmless"]
"""`harmless`: there was nothing to decide."""


@dataclass(frozen=True)
class Pin:
    """A decision: the root's real path, the mark of each file, the lines that were shown."""

    root: str
    decision: Decision
    files: Mapping[str, str]
    lines: tuple[str, ...] = ()
    at_ms: int = 0

    def others(self, names: Iterable[str]) -> list[str]:
        """What is pinned besides the files of that name: those that Aider is told to read."""
        return [n for n in self.files if n not in names and os.path.basename(n) != FILE_NAME]


@dataclass(frozen=True)
class Standing:
    """A repository's files as they are now, and what was decided about them."""

    project: Project
    files: Mapping[str, RepositoryFile] = field(default_factory=dict)
    pin: Pin | None = None
    changed: bool = False

    @property
    def project_file(self) -> str | None:
        """The name of the project file below the root, where there is one."""
        file = self.project.file
        return None if file is None else str(file.relative_to(self.project.root))

    @property
    def decision(self) -> Decision | None:
        """What counts now; None where it has to be decided (again)."""
        return None if self.pin is None or self.changed else self.pin.decision

    @property
    def trusted(self) -> bool:
        """Whether the user trusts these very bytes."""
        return self.decision == "trusted"

    @property
    def undecided(self) -> bool:
        """Whether there is something of which the user has not said anything."""
        return self.decision is None and (bool(self.files) or self.changed)


class Pins:
    """The decisions below `trust/`, one file a project."""

    def __init__(self, home: Home) -> None:
        self._folder = home.root / "trust"

    def get(self, root: Path) -> Pin | None:
        """The decision about this project; a file that is broken is none."""
        return _read(self._file(os.path.realpath(root)), os.path.realpath(root))

    def standing(self, project: Project) -> Standing:
        """Read the project's files, and compare them with what was decided."""
        pin = self.get(project.root)
        names = relevant_names(project)
        also = pin.others(names) if pin else []
        files = snapshot(project, also)
        if pin is None:
            return Standing(project, files)
        here = {name: mark for name, mark in pin.files.items() if name in {*names, *also}}
        now = {name: file.mark for name, file in files.items()}
        return Standing(project, files, pin, changed=here != now)

    def decide(
        self,
        standing: Standing,
        decision: Decision,
        lines: Iterable[str],
        read: Iterable[RepositoryFile] = (),
    ) -> None:
        """Pin the bytes that `standing` holds, and those of the files that Aider is to read."""
        root = os.path.realpath(standing.project.root)
        files = {file.name: file.mark for file in (*standing.files.values(), *read)}
        old = standing.pin
        if old and old.decision == decision:
            files = {**_elsewhere(old, relevant_names(standing.project)), **files}
        pin = Pin(root, decision, files, tuple(lines), time.time_ns() // 1_000_000)
        write_private(self._file(root), json.dumps(asdict(pin), indent=1))

    def revoke(self, root: Path) -> bool:
        """Forget the decision; False where there was none."""
        file = self._file(os.path.realpath(root))
        there = file.exists()
        file.unlink(missing_ok=True)
        return there

    def __iter__(self) -> Iterator[Pin]:
        for file in sorted(self._folder.glob("*.json")):
            pin = _read(file, None)
            if pin is not None:
                yield pin

    def _file(self, root: str) -> Path:
        return self._folder / f"{hashlib.sha256(os.fsencode(root)).hexdigest()[:32]}.json"


def _elsewhere(pin: Pin, names: Iterable[str]) -> dict[str, str]:
    """The project files in other folders of the same repository, which were shown before."""
    return {
        name: mark
        for name, mark in pin.files.items()
        if os.path.basename(name) == FILE_NAME and name not in names
    }


def _read(file: Path, root: str | None) -> Pin | None:
    try:
        data = json.loads(file.read_text("utf-8"))
        pin = Pin(**{**data, "lines": tuple(data["lines"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    known = pin.decision in ("trusted", "ignored", "harmless") and isinstance(pin.files, dict)
    return pin if known and root in (None, pin.root) else None
