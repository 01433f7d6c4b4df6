"""The tables of money. They outlive the exchanges they name, so no row refers to core's."""

from __future__ import annotations

import sqlite3

from lodestar.store.migrations import MigrationSet

_TABLES_1 = (
    """CREATE TABLE holds(
        id TEXT PRIMARY KEY, owner TEXT NOT NULL, session_id TEXT, exchange_id TEXT NOT NULL,
        kind TEXT NOT NULL, alias TEXT NOT NULL, model TEXT NOT NULL, tier INTEGER NOT NULL,
        billing TEXT NOT NULL, amount_nano INTEGER NOT NULL CHECK(amount_nano >= 0),
        max_input INTEGER NOT NULL, max_output INTEGER NOT NULL,
        price_in_nano INTEGER NOT NULL, price_out_nano INTEGER NOT NULL,
        state TEXT NOT NULL CHECK(state IN ('held', 'posted', 'voided', 'orphan')),
        created_ms INTEGER NOT NULL, settled_ms INTEGER)""",
    "CREATE INDEX holds_open ON holds(owner) WHERE state = 'held'",
    """CREATE TABLE charges(
        id TEXT PRIMARY KEY, hold_id TEXT UNIQUE REFERENCES holds(id),
        session_id TEXT, exchange_id TEXT NOT NULL, attempt_id TEXT,
        kind TEXT NOT NULL, alias TEXT NOT NULL, model TEXT NOT NULL, tier INTEGER NOT NULL,
        billing TEXT NOT NULL, input_tokens INTEGER, output_tokens INTEGER,
        usage_source TEXT NOT NULL CHECK(usage_source IN ('provider', 'estimated', 'worst_case')),
        cash_nano INTEGER NOT NULL CHECK(cash_nano >= 0),
        list_nano INTEGER, avoided_nano INTEGER,
        price_in_nano INTEGER, price_out_nano INTEGER, created_ms INTEGER NOT NULL)""",
    "CREATE INDEX charges_by_time ON charges(created_ms)",
    "CREATE INDEX charges_by_session ON charges(session_id)",
    "CREATE INDEX charges_by_exchange ON charges(exchange_id)",
)


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in _TABLES_1:
        connection.execute(statement)


MIGRATIONS = MigrationSet("usage_tracker", (("create_tables", _create_tables),))
