"""Keeps Aider inside the project: no link leads out of it, no odd file holds it up."""

from __future__ import annotations

import importlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lodestar_aider.compat import Need
from lodestar_aider.errors import LaunchError
from lodestar_aider.patch import Function, wrap

CODER = "aider.coders.base_coder"
NEEDS = (
    Need("aider.repo", "GitRepo.get_tracked_files", ("self",)),
    Need("aider.repomap", "RepoMap.get_tags", ("self", "fname", "rel_fname")),
    Need(CODER, "Coder.allowed_to_edit", ("self", "path")),
)
MAP_LIMIT = 2 << 20
"""A larger file has no place in a map of a few thousand tokens, and takes minutes to parse."""


def check_arguments(words: Iterable[str], folder: Path) -> None:
    """Raises LaunchError where the user named a file that is a link out of the project."""
    root = _root(folder)
    for word in words:
        path = word.partition("=")[2] if word.startswith("--") else word
        if path and leads_out(root, os.path.join(folder, path)):
            raise LaunchError(
                f"Aider was not started: {path!r} is a link that leads out of the project",
                f"it leads to {os.path.realpath(path)!r}, and edits would go there",
                "name that file itself if you mean it",
            )


def install() -> None:
    """Wrap the methods named in `NEEDS`."""
    wrap(importlib.import_module("aider.repo").GitRepo, "get_tracked_files", _tracked)
    wrap(importlib.import_module("aider.repomap").RepoMap, "get_tags", _tags)
    wrap(importlib.import_module(CODER).Coder, "allowed_to_edit", _allowed)


def leads_out(root: str, path: str) -> bool:
    """Whether a path that looks like one inside the root is, by a link, one outside."""
    return _inside(root, os.path.abspath(path)) and not _inside(
        os.path.realpath(root), os.path.realpath(path)
    )


def _root(folder: Path) -> str:
    found = (place for place in (folder, *folder.parents) if (place / ".git").exists())
    return str(next(found, folder))


def _inside(root: str, path: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _tracked(original: Function) -> Function:
    def get_tracked_files(repo: Any) -> Any:
        # A name that is no text would break the request that carries it.
        files = [name for name in original(repo) if name.isprintable() or _is_text(name)]
        root = str(repo.root)
        # One look a folder: a repository may have ten thousand files.
        outer = {d: leads_out(root, os.path.join(root, d)) for d in map(os.path.dirname, files)}
        return [name for name in files if not outer[os.path.dirname(name)] and _stays(root, name)]

    return get_tracked_files


def _is_text(name: str) -> bool:
    return name.encode("utf-8", "replace").decode("utf-8") == name


def _stays(root: str, name: str) -> bool:
    path = os.path.join(root, name)
    return not os.path.islink(path) or not leads_out(root, path)


def _tags(original: Function) -> Function:
    def get_tags(repo_map: Any, fname: Any, rel_fname: Any) -> Any:
        return original(repo_map, fname, rel_fname) if _mappable(str(fname)) else []

    return get_tags


def _mappable(path: str) -> bool:
    try:
        # Aider's cache takes names of proper text only.
        status = os.stat(path.encode("utf-8"))
    except (OSError, UnicodeEncodeError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= MAP_LIMIT


def _allowed(original: Function) -> Function:
    def allowed_to_edit(coder: Any, path: Any) -> Any:
        if leads_out(str(coder.root), os.path.join(str(coder.root), str(path))):
            coder.io.tool_error(f"{path!r} leads out of the project through a link: not edited")
            return None
        return original(coder, path)

    return allowed_to_edit
