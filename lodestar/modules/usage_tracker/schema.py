"""The tables of money. They outlive the exchanges they name, so no row refers to core's."""

from __future__ import annotations

import sqlite3

from lodestar.modules.usage_tracker import foreign, retention, rollup, rollup_days
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


_PRICE_COLUMNS = (
    "price_cache_read_nano INTEGER",
    "price_cache_write_nano INTEGER",
    "price_source TEXT",
    "price_version TEXT",
    "price_date TEXT",
)
_HOLD_COLUMNS = (
    "window_ms INTEGER NOT NULL DEFAULT 0",
    "project_id TEXT",
    "branch TEXT",
    "tag TEXT",
    "max_tokens INTEGER NOT NULL DEFAULT 0",
    # 'provider', 'estimated', 'worst_case', 'unsent' or 'refused': why it was settled so.
    "ending TEXT",
    *_PRICE_COLUMNS,
)
# `limited_tokens` counts against token limits: paid tokens, the most there can be where unknown.
# `window_ms` is the time of the hold, by the ledger's own clock: a charge counts in the windows
# its hold was checked against, also where it is settled after midnight.
_CHARGES_2 = """CREATE TABLE charges(
    id TEXT PRIMARY KEY, hold_id TEXT UNIQUE REFERENCES holds(id),
    session_id TEXT, project_id TEXT, branch TEXT, tag TEXT,
    exchange_id TEXT NOT NULL, attempt_id TEXT,
    kind TEXT NOT NULL, alias TEXT NOT NULL, model TEXT NOT NULL, tier INTEGER NOT NULL,
    billing TEXT NOT NULL,
    input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER,
    cache_write_tokens INTEGER, reasoning_tokens INTEGER, usage_raw TEXT,
    usage_source TEXT NOT NULL CHECK(usage_source IN ('provider', 'estimated', 'worst_case')),
    limited_tokens INTEGER NOT NULL DEFAULT 0, reason TEXT,
    cash_nano INTEGER NOT NULL, list_nano INTEGER, avoided_nano INTEGER,
    avoided_alias TEXT, price_in_nano INTEGER, price_out_nano INTEGER,
    price_cache_read_nano INTEGER, price_cache_write_nano INTEGER,
    price_source TEXT, price_version TEXT, price_date TEXT,
    corrects TEXT, window_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL,
    CHECK(cash_nano >= 0 OR corrects IS NOT NULL))"""
_TABLES_2 = (
    "CREATE INDEX charges_by_time ON charges(window_ms)",
    "CREATE INDEX charges_by_session ON charges(session_id, alias, cash_nano, limited_tokens)",
    "CREATE INDEX charges_by_exchange ON charges(exchange_id)",
    "CREATE INDEX charges_corrections ON charges(corrects) WHERE corrects IS NOT NULL",
    """CREATE TABLE rollup(
        quarter_ms INTEGER NOT NULL, project_id TEXT NOT NULL, branch TEXT NOT NULL,
        tag TEXT NOT NULL, alias TEXT NOT NULL, model TEXT NOT NULL, tier INTEGER NOT NULL,
        kind TEXT NOT NULL, billing TEXT NOT NULL,
        calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
        cache_read_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
        reasoning_tokens INTEGER NOT NULL, limited_tokens INTEGER NOT NULL,
        cash_nano INTEGER NOT NULL,
        list_nano INTEGER NOT NULL, unlisted INTEGER NOT NULL,
        avoided_nano INTEGER NOT NULL, unavoided INTEGER NOT NULL,
        assumed_nano INTEGER NOT NULL,
        PRIMARY KEY(quarter_ms, project_id, branch, tag, alias, model, tier, kind, billing))
        WITHOUT ROWID""",
    "CREATE INDEX holds_settled ON holds(window_ms) WHERE state <> 'held'",
    # What limits count: a month of it is read before each hold.
    "CREATE INDEX rollup_limits ON rollup(quarter_ms, cash_nano, limited_tokens)",
    # The ledger's clock: never behind the newest hold, whatever the system's clock says.
    """CREATE TABLE ledger_clock(
        one INTEGER PRIMARY KEY CHECK(one = 1), high_water_ms INTEGER NOT NULL,
        boot_id TEXT NOT NULL, boot_ms INTEGER NOT NULL)""",
    # Charges older than this were purged; their roll-ups stay and cannot be counted again.
    """CREATE TABLE ledger_purged(
        one INTEGER PRIMARY KEY CHECK(one = 1), before_ms INTEGER NOT NULL)""",
    # One row a change, never edited but for `active`, which is 1 while it counts.
    """CREATE TABLE budgets(
        id TEXT PRIMARY KEY, action TEXT NOT NULL
            CHECK(action IN ('set', 'raise', 'remove', 'undo')),
        time_window TEXT NOT NULL CHECK(time_window IN ('call', 'session', 'day', 'week', 'month')),
        unit TEXT NOT NULL CHECK(unit IN ('usd', 'tokens')),
        project_id TEXT, alias TEXT, amount INTEGER CHECK(amount >= 0),
        policy TEXT CHECK(policy IN ('downgrade', 'ask', 'stop')),
        until_ms INTEGER, who TEXT NOT NULL, reason TEXT, undoes TEXT REFERENCES budgets(id),
        active INTEGER NOT NULL, created_ms INTEGER NOT NULL)""",
    "CREATE INDEX budgets_active ON budgets(active) WHERE active = 1",
    """CREATE TABLE alerts(
        id TEXT PRIMARY KEY, limit_key TEXT NOT NULL, window_start_ms INTEGER NOT NULL,
        threshold INTEGER NOT NULL, unit TEXT NOT NULL, spent INTEGER NOT NULL,
        amount INTEGER NOT NULL, projected INTEGER, session_id TEXT, text TEXT NOT NULL,
        created_ms INTEGER NOT NULL, UNIQUE(limit_key, window_start_ms, threshold, amount))""",
)


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in _TABLES_1:
        connection.execute(statement)


def _windows_and_budgets(connection: sqlite3.Connection) -> None:
    for column in _HOLD_COLUMNS:
        connection.execute(f"ALTER TABLE holds ADD COLUMN {column}")
    connection.execute(
        "UPDATE holds SET window_ms = created_ms, max_tokens = max_input + max_output"
    )
    connection.execute("ALTER TABLE charges RENAME TO charges_1")
    for index in ("charges_by_time", "charges_by_session", "charges_by_exchange"):
        connection.execute(f"DROP INDEX {index}")
    connection.execute(_CHARGES_2)
    connection.execute(_COPY_CHARGES)
    connection.execute("DROP TABLE charges_1")
    for statement in _TABLES_2:
        connection.execute(statement)
    rollup.rebuild(connection)


_OLD_COLUMNS = (
    "id, hold_id, session_id, exchange_id, attempt_id, kind, alias, model, tier, billing,"
    " input_tokens, output_tokens, usage_source, cash_nano, list_nano, avoided_nano,"
    " price_in_nano, price_out_nano, created_ms"
)
_COPY_CHARGES = (
    f"INSERT INTO charges({_OLD_COLUMNS}, limited_tokens, window_ms, project_id, branch)"  # noqa: S608
    f" SELECT {', '.join('c.' + name.strip() for name in _OLD_COLUMNS.split(','))},"
    " CASE WHEN c.billing <> 'payg' THEN 0 WHEN c.usage_source = 'worst_case' THEN h.max_tokens"
    " ELSE coalesce(c.input_tokens, 0) + coalesce(c.output_tokens, 0) END,"
    " coalesce(h.created_ms, c.created_ms), s.project_id, s.branch FROM charges_1 c"
    " LEFT JOIN holds h ON h.id = c.hold_id LEFT JOIN sessions s ON s.id = c.session_id"
)


def _alerts_of_projects(connection: sqlite3.Connection) -> None:
    # The session that was told may be forgotten before its alerts are.
    connection.execute("ALTER TABLE alerts ADD COLUMN project_id TEXT")
    connection.execute(
        "UPDATE alerts SET project_id ="
        " (SELECT project_id FROM sessions WHERE sessions.id = alerts.session_id)"
    )


MIGRATIONS = MigrationSet(
    "usage_tracker",
    (
        ("create_tables", _create_tables),
        ("windows_and_budgets", _windows_and_budgets),
        ("alerts_of_projects", _alerts_of_projects),
        ("rollup_days", rollup_days.create),
    ),
    purgers=(
        *(retention.purge_charges, retention.purge_holds, retention.forget_words),
        *(retention.purge_alerts, retention.forget_alerts),
    ),
    replay=retention.replay,
    admits=foreign.refusal,
    withdraw=foreign.withdraw,
)
