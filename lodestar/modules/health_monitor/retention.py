"""What goes of the samples when something is purged: they live as long as the log's rows."""

from __future__ import annotations

import sqlite3
from typing import Any

from lodestar.store.migrations import Purge


def purge_samples(connection: sqlite3.Connection, purge: Purge, most: int) -> int:
    """Delete old samples, or those of a project's sessions."""
    if purge.text_only:
        return 0
    where, values = _scope(purge)
    return connection.execute(
        "DELETE FROM health_samples WHERE rowid IN"  # noqa: S608 (our own words)
        f" (SELECT rowid FROM health_samples WHERE {where} LIMIT ?)",
        [*values, most],
    ).rowcount


def purge_words(connection: sqlite3.Connection, purge: Purge, most: int) -> int:
    """Take the providers' own words out of samples that stay."""
    if not purge.text_only:
        return 0
    where, values = _scope(purge)
    return connection.execute(
        "UPDATE health_samples SET error = NULL WHERE rowid IN"  # noqa: S608 (our own words)
        f" (SELECT rowid FROM health_samples WHERE {where} AND error IS NOT NULL LIMIT ?)",
        [*values, most],
    ).rowcount


def _scope(purge: Purge) -> tuple[str, list[Any]]:
    tests, values = ["1"], list[Any]()
    if purge.before_ms is not None:
        tests.append("ts_ms < ?")
        values.append(purge.before_ms)
    if purge.project is not None:
        tests.append("session_id IN (SELECT id FROM sessions WHERE project_id = ?)")
        values.append(purge.project)
    return " AND ".join(tests), values
