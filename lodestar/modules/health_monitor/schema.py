"""The table of samples: one row for each call that reached a provider, and for each probe."""

from __future__ import annotations

import sqlite3

from lodestar.modules.health_monitor.retention import purge_samples, purge_words
from lodestar.store.migrations import MigrationSet

_TABLES_1 = (
    """CREATE TABLE health_samples(
        id TEXT PRIMARY KEY, ts_ms INTEGER NOT NULL, alias TEXT NOT NULL, provider TEXT NOT NULL,
        ok INTEGER NOT NULL, http_status INTEGER, ttft_ms INTEGER, duration_ms INTEGER,
        error TEXT)""",
    "CREATE INDEX health_samples_by_alias ON health_samples(alias, ts_ms)",
)
_TABLES_2 = (
    "ALTER TABLE health_samples ADD COLUMN source TEXT NOT NULL DEFAULT 'call'",
    "ALTER TABLE health_samples ADD COLUMN server TEXT",
    "ALTER TABLE health_samples ADD COLUMN model TEXT",
    "ALTER TABLE health_samples ADD COLUMN session_id TEXT",
    # Every question is about a span of time that ends now; so is every purge.
    "DROP INDEX health_samples_by_alias",
    "CREATE INDEX health_samples_by_time ON health_samples(ts_ms)",
)


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in _TABLES_1:
        connection.execute(statement)


def _servers_and_probes(connection: sqlite3.Connection) -> None:
    for statement in _TABLES_2:
        connection.execute(statement)


MIGRATIONS = MigrationSet(
    "health_monitor",
    (("create_tables", _create_tables), ("servers_and_probes", _servers_and_probes)),
    purgers=(purge_samples, purge_words),
)
