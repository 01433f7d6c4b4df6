"""Edits that were applied and never committed, because somebody was killed in between.

Aider's launcher names the files before it writes them, in one file per session; what remains
there after the session is looked at, told once and recorded.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestar.paths import Home
from lodestar.store.feedback import add_signal
from lodestar.store.processes import runs
from lodestar.store.store import Store

_SUFFIX = ".edits"


@dataclass(frozen=True)
class Uncommitted:
    """One session's files that are no longer as they were before its edits."""

    session: str
    root: Path
    request: str | None
    files: tuple[str, ...]
    """Relative to `root`."""


def journal_path(home: Home, session: str) -> Path:
    """Where the launcher keeps its note."""
    return home.folder("run") / f"{session}{_SUFFIX}"


def of_session(home: Home, session: str) -> Uncommitted | None:
    """What a session left, None where it left nothing."""
    path = journal_path(home, session)
    try:
        return _read(path, json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def of_the_dead(home: Home) -> list[Uncommitted]:
    """What sessions left whose supervisor was killed; empty notes are removed."""
    found = []
    for path in sorted(home.folder("run").glob(f"*{_SUFFIX}")):
        if _owner_alive(path):
            continue
        left = of_session(home, path.name.removesuffix(_SUFFIX))
        if left is None:
            path.unlink(missing_ok=True)
        else:
            found.append(left)
    return found


def record(store: Store, left: Uncommitted) -> None:
    """Tie it to the session and to the answer that it came from; a second call changes nothing."""
    # A database that was replaced in the meantime knows nothing of the session.
    if store.row("SELECT 1 FROM sessions WHERE id = ?", (left.session,)):
        event = {
            "id": f"{left.session}-uncommitted",
            "type": "uncommitted",
            "request": left.request,
            "files": list(left.files),
        }
        add_signal(store, left.session, event)


def _read(path: Path, data: Mapping[str, Any]) -> Uncommitted | None:
    root = Path(data["root"])
    before: dict[str, str | None] = data["files"]
    changed = [
        os.path.relpath(name, os.path.realpath(root))
        for name, digest in before.items()
        if _digest(name) not in (None, digest)
    ]
    session = path.name.removesuffix(_SUFFIX)
    return Uncommitted(session, root, data.get("request"), tuple(changed)) if changed else None


def _digest(name: str) -> str | None:
    try:
        return hashlib.sha256(Path(name).read_bytes()).hexdigest()
    except OSError:
        return None


def _owner_alive(path: Path) -> bool:
    """A stopped process is alive; a note that names none was not written by a launcher."""
    try:
        return runs(int(json.loads(path.read_text("utf-8"))["owner"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False
