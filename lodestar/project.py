"""The project around a folder, and what its `.lodestar.yaml` may say unasked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestar.config import Layer, read_layer
from lodestar.errors import UsageError

FILE_NAME = ".lodestar.yaml"
SIZE_LIMIT = 64 * 1024
# What a stranger's file may set: a choice among the user's own names, and tighter limits.
HARMLESS = frozenset({"profile", "main", "weak", "editor", "tier_ceiling", "limits"})


@dataclass(frozen=True)
class Project:
    """A git work tree (or a plain folder) and its project file, where there is one."""

    root: Path
    file: Path | None


def find_project(start: Path) -> Project:
    """Look upwards from `start` for the file, no further than the git root."""
    start = start.absolute()
    found: Path | None = None
    for folder in (start, *start.parents):
        candidate = folder / FILE_NAME
        if found is None and candidate.is_file():
            found = candidate
        if (folder / ".git").exists():
            return Project(folder, found)
    # Outside a repository only the folder itself counts: a parent may be anybody's.
    alone = start / FILE_NAME
    return Project(start, alone if alone.is_file() else None)


def project_layer(file: Path) -> tuple[Layer, list[str]]:
    """The harmless part of a project file, and one line for each key that was left out."""
    try:
        if file.is_symlink() or file.stat().st_size > SIZE_LIMIT:
            return Layer(str(file), {}), [f"{file}: ignored (a link, or larger than 64 kB)"]
        layer = read_layer(file)
    except (OSError, UsageError) as error:
        why = error.why if isinstance(error, UsageError) else error.strerror
        return Layer(str(file), {}), [f"{file}: ignored ({why})"]
    kept = {key: value for key, value in layer.values.items() if key in HARMLESS}
    ignored = [
        f"{layer.origin(str(key))}: `{key}` is ignored: a repository cannot set it"
        for key in layer.values
        if key not in HARMLESS
    ]
    return Layer(layer.name, kept, layer.origins), ignored


def tightened(user: Mapping[str, Any], layer: Layer) -> tuple[Layer, list[str]]:
    """Drop what would loosen the user's limits; `user` is the settings without the project."""
    values, notes = dict(layer.values), []
    ceiling = values.get("tier_ceiling")
    if ceiling is not None and not (isinstance(ceiling, int) and ceiling <= user["tier_ceiling"]):
        del values["tier_ceiling"]
        notes.append(f"{layer.origin('tier_ceiling')}: a project cannot raise the tier ceiling")
    limits = values.get("limits") or {}
    if not isinstance(limits, Mapping):
        del values["limits"]
        return Layer(layer.name, values, layer.origins), [
            *notes,
            f"{layer.origin('limits')}: `limits` is ignored: it must hold `key: value` lines",
        ]
    minutes = limits.get("session_minutes")
    own = user["limits"]["session_minutes"]
    if own is not None and minutes is not None and (not isinstance(minutes, int) or minutes > own):
        values["limits"] = {k: v for k, v in values["limits"].items() if k != "session_minutes"}
        notes.append(f"{layer.origin('limits.session_minutes')}: a project can only shorten it")
    return Layer(layer.name, values, layer.origins), notes
