"""The core tables. Ids are ULIDs, times UTC milliseconds, unknown numbers NULL."""

from __future__ import annotations

import sqlite3

from lodestar.store import core_purge, imported, state
from lodestar.store.migrations import MigrationSet

_TABLES_1 = (
    """CREATE TABLE projects(
        id TEXT PRIMARY KEY, root TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
        created_ms INTEGER NOT NULL)""",
    """CREATE TABLE sessions(
        id TEXT PRIMARY KEY, machine_id TEXT NOT NULL, project_id TEXT REFERENCES projects(id),
        profile TEXT NOT NULL, branch TEXT, pid INTEGER, boot_id TEXT,
        started_ms INTEGER NOT NULL, ended_ms INTEGER, end_reason TEXT, exit_code INTEGER,
        session_minutes INTEGER, training_opt_in INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE exchanges(
        id TEXT PRIMARY KEY, session_id TEXT REFERENCES sessions(id), turn INTEGER,
        client_request TEXT, kind TEXT NOT NULL, requested_alias TEXT NOT NULL,
        served_alias TEXT, served_model TEXT, route_reason TEXT, stream INTEGER NOT NULL,
        status TEXT NOT NULL, error TEXT, finish_reason TEXT,
        input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER,
        cache_write_tokens INTEGER, reasoning_tokens INTEGER, usage_source TEXT, usage_raw TEXT,
        started_ms INTEGER NOT NULL, ttft_ms INTEGER, duration_ms INTEGER,
        request_bytes INTEGER NOT NULL)""",
    "CREATE INDEX exchanges_by_time ON exchanges(started_ms)",
    "CREATE INDEX exchanges_by_session ON exchanges(session_id)",
    "CREATE INDEX exchanges_open ON exchanges(session_id) WHERE status = 'open'",
    "CREATE INDEX exchanges_by_request ON exchanges(client_request)",
    """CREATE TABLE attempts(
        id TEXT PRIMARY KEY, exchange_id TEXT NOT NULL REFERENCES exchanges(id),
        number INTEGER NOT NULL, alias TEXT NOT NULL, provider TEXT NOT NULL,
        model TEXT NOT NULL, billing TEXT NOT NULL, tier INTEGER NOT NULL,
        status TEXT NOT NULL, http_status INTEGER, error TEXT,
        input_tokens INTEGER, output_tokens INTEGER, usage_source TEXT,
        started_ms INTEGER NOT NULL, ttft_ms INTEGER, duration_ms INTEGER,
        UNIQUE(exchange_id, number))""",
    """CREATE TABLE messages(
        hash TEXT PRIMARY KEY, role TEXT NOT NULL, text TEXT, bytes INTEGER NOT NULL)""",
    """CREATE TABLE exchange_messages(
        exchange_id TEXT NOT NULL REFERENCES exchanges(id), position INTEGER NOT NULL,
        direction TEXT NOT NULL CHECK(direction IN ('prompt', 'answer')),
        hash TEXT NOT NULL REFERENCES messages(hash),
        PRIMARY KEY(exchange_id, position)) WITHOUT ROWID""",
    "CREATE INDEX exchange_messages_by_hash ON exchange_messages(hash)",
    """CREATE TABLE ratings(
        id TEXT PRIMARY KEY, session_id TEXT REFERENCES sessions(id),
        exchange_id TEXT REFERENCES exchanges(id), verdict TEXT NOT NULL
            CHECK(verdict IN ('good', 'bad')),
        reason TEXT, comment TEXT, source TEXT NOT NULL, created_ms INTEGER NOT NULL,
        undone_ms INTEGER)""",
    """CREATE TABLE signals(
        id TEXT PRIMARY KEY, session_id TEXT REFERENCES sessions(id),
        exchange_id TEXT REFERENCES exchanges(id), turn INTEGER, type TEXT NOT NULL,
        commit_hash TEXT, data TEXT NOT NULL, created_ms INTEGER NOT NULL)""",
    "CREATE INDEX signals_by_exchange ON signals(exchange_id)",
    "CREATE INDEX signals_by_session ON signals(session_id)",
)


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in _TABLES_1:
        connection.execute(statement)


def _store_state(connection: sqlite3.Connection) -> None:
    state.create_table(connection)
    # A purge looks for what was said of an exchange.
    connection.execute("CREATE INDEX ratings_by_exchange ON ratings(exchange_id)")


def _attempt_reasons(connection: sqlite3.Connection) -> None:
    # Why this model was asked; each call has a reason of its own.
    connection.execute("ALTER TABLE attempts ADD COLUMN reason TEXT")


def _session_limits(connection: sqlite3.Connection) -> None:
    # What may be spent in a session by its own settings: a flag is known to it alone.
    connection.execute("ALTER TABLE sessions ADD COLUMN limits TEXT")


def _session_tags(connection: sqlite3.Connection) -> None:
    # What the session's work counts for, in the user's own words.
    connection.execute("ALTER TABLE sessions ADD COLUMN tag TEXT")


def _imports(connection: sqlite3.Connection) -> None:
    imported.create_tables(connection)


CORE = MigrationSet(
    "core",
    (
        ("create_tables", _create_tables),
        ("store_state", _store_state),
        ("attempt_reasons", _attempt_reasons),
        ("session_limits", _session_limits),
        ("session_tags", _session_tags),
        ("imports", _imports),
    ),
    purgers=core_purge.PURGERS,
)
