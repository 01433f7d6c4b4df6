"""How the database stands, told without changing it."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lodestar.errors import LedgerError
from lodestar.paths import Home
from lodestar.store import backup, journal, look, restore, stand_in, state
from lodestar.store.migrations import MigrationSet
from lodestar.store.purge import row_counts


def status(home: Home, sets: Sequence[MigrationSet]) -> dict[str, Any]:
    """Size, rows, age, whether it is the one that was left here, and what is kept beside it."""
    problem = look.problem(home.database, sets)
    return {
        "database": str(home.database),
        "usable": problem is None,
        "problem": problem and {"what": problem.what, "why": problem.why, "do": problem.do},
        "bytes": sum(_size(f"{home.database}{suffix}") for suffix in restore.SUFFIXES),
        **_inside(home.database),
        "witness": _witness(home.database),
        "backups": [_file(path) for path in backup.backups(home)],
        "journal": [_file(path) for path in journal.files(home)],
        "stand_ins": [_file(path) for path in stand_in.kept(home)],
        "aside": [_file(path) for path in restore.aside(home)],
    }


def _inside(database: Path) -> dict[str, Any]:
    """What only the database itself can say; nothing where it cannot be read."""
    if not database.exists():
        return {}
    try:
        with look.read_only(database) as connection:
            counts = row_counts(connection)
            facts = state.facts(connection)
            return {
                "rows": {name: n for name, n in counts.items() if not name.startswith("_")},
                "free_bytes": _pragma(connection, "freelist_count")
                * _pragma(connection, "page_size"),
                **_ages(connection),
                "sequence": facts.get("sequence"),
                "origin": json.loads(facts["origin"]) if "origin" in facts else None,
            }
    except (sqlite3.Error, OSError):
        return {}


def _ages(connection: sqlite3.Connection) -> dict[str, Any]:
    if not state.has_table(connection, "exchanges"):
        return {}
    row = connection.execute("SELECT min(started_ms), max(started_ms) FROM exchanges").fetchone()
    return {"oldest_ms": row[0], "newest_ms": row[1]}


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _witness(database: Path) -> dict[str, Any] | None:
    try:
        found = state.read_witness(database)
    except (LedgerError, OSError):
        return None
    if found is None:
        return None
    return {"instance_id": found.instance_id, "sequence": found.sequence}


def _file(path: Path) -> dict[str, Any]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return {"path": str(path), "bytes": 0, "modified_ms": None}
    return {"path": str(path), "bytes": found.st_size, "modified_ms": int(found.st_mtime * 1000)}


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
