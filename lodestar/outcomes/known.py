"""The commits of Aider that the log knows, and what it knows of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lodestar.commits import WHOLE_HASH
from lodestar.errors import UsageError
from lodestar.store.store import Store
from lodestar.store.text import storable

Data = Mapping[str, Any]
LAST_AGE = 30
LOOKED_AT_DAYS = 60
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Known:
    """One commit. `signal` is the event that reported it, `root` where the project was then."""

    signal: str
    commit: str
    root: Path
    made_ms: int
    undone: bool = False
    reverted: Data | None = None
    survival: Mapping[int, Data] = field(default_factory=dict)

    def settled(self, now_ms: int) -> bool:
        """Whether nothing is to be expected any more."""
        old = now_ms - self.made_ms > LOOKED_AT_DAYS * DAY_MS
        return old and (self.undone or LAST_AGE in self.survival)


def known_commits(store: Store) -> list[Known]:
    """All that were made of answers, the newest first."""
    later = _later(store)
    rows = store.rows(
        "SELECT g.id, g.commit_hash, g.created_ms, p.root FROM signals g"
        " JOIN sessions s ON s.id = g.session_id JOIN projects p ON p.id = s.project_id"
        " WHERE g.type = 'commit' AND g.exchange_id IS NOT NULL"
        " AND json_extract(g.data, '$.aider_edits') ORDER BY g.created_ms DESC"
    )
    return [
        Known(row["id"], row["commit_hash"], Path(row["root"]), row["created_ms"], *later[commit])
        for row in rows
        if WHOLE_HASH.match(commit := str(row["commit_hash"]))
    ]


def roots_of(store: Store, text: str | None) -> list[Path]:
    """The folders of all projects, or of the one with that name or folder.

    A folder that is no project's is one to which a project may have moved. Raises UsageError
    where there is neither.
    """
    rows = store.rows("SELECT root, name FROM projects ORDER BY root")
    if text is None:
        return [Path(row["root"]) for row in rows]
    folder = Path(text).expanduser().absolute()
    names = (storable(str(folder)), storable(str(folder.resolve())), text)
    found = [Path(row["root"]) for row in rows if row["root"] in names or row["name"] == text]
    if found:
        return found
    if folder.is_dir():
        return [folder.resolve()]
    known = ", ".join(str(row["root"]) for row in rows[:20])
    raise UsageError(f"there is no project `{text}`", f"known: {known or 'none'}")


_Later = tuple[bool, "Data | None", dict[int, Data]]


def _later(store: Store) -> Mapping[str, _Later]:
    """What is known of each commit: undone, reverted, its survival by age in days."""
    found: defaultdict[str, _Later] = defaultdict(lambda: (False, None, {}))
    for row in store.rows(
        "SELECT commit_hash, type, data FROM signals WHERE commit_hash IS NOT NULL"
        " AND type IN ('undo', 'reverted', 'survival') ORDER BY rowid"
    ):
        commit, data = str(row["commit_hash"]), json.loads(row["data"])
        undone, reverted, survival = found[commit]
        if row["type"] == "survival":
            survival[int(data["days"])] = data
        reverted = data if row["type"] == "reverted" else reverted
        found[commit] = (undone or row["type"] == "undo", reverted, survival)
    return found
