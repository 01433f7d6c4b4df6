"""The table of samples: one row for each call that reached a provider."""

from __future__ import annotations

import sqlite3

from lodestar.store.migrations import MigrationSet

_TABLES_1 = (
    """CREATE TABLE health_samples(
        id TEXT PRIMARY KEY, ts_ms INTEGER NOT NULL, alias TEXT NOT NULL, provider TEXT NOT NULL,
        ok INTEGER NOT NULL, http_status INTEGER, ttft_ms INTEGER, duration_ms INTEGER,
        error TEXT)""",
    "CREATE INDEX health_samples_by_alias ON health_samples(alias, ts_ms)",
)


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in _TABLES_1:
        connection.execute(statement)


MIGRATIONS = MigrationSet("health_monitor", (("create_tables", _create_tables),))
