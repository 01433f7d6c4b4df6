"""The audit: every sum counted again from the rows it came from, to the nano-dollar."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lodestar.modules.usage_tracker import rollup, rollup_days
from lodestar.store.store import Store

_KEYS_AND_SUMS = ", ".join(rollup.KEYS + rollup.SUMS)
_KEPT = "SELECT coalesce(max(before_ms), 0) FROM ledger_purged"
_ROLLUP = f"SELECT {_KEYS_AND_SUMS} FROM rollup WHERE quarter_ms >= ({_KEPT})"  # noqa: S608
_COUNTED = (
    f"SELECT * FROM ({rollup.SUMMED}) AS counted"  # noqa: S608 (our own names)
    f" WHERE counted.quarter_ms >= ({_KEPT})"
)


@dataclass(frozen=True)
class Finding:
    """What an audit found wrong: the rule, how many rows break it, an example."""

    rule: str
    count: int
    example: str


@dataclass(frozen=True)
class Audit:
    """What was counted, and what did not match. Amounts are nano-dollars."""

    charges: int
    holds: int
    cash_nano: int
    rollup_nano: int
    findings: tuple[Finding, ...]


_RULES: tuple[tuple[str, str], ...] = (
    (
        "a settled hold has exactly one charge",
        "SELECT id FROM holds h WHERE state IN ('posted', 'orphan') AND window_ms >= ({kept})"
        " AND (SELECT count(*) FROM charges WHERE hold_id = h.id) <> 1",
    ),
    (
        "a hold that is open or voided has no charge",
        "SELECT h.id FROM holds h JOIN charges c ON c.hold_id = h.id"
        " WHERE h.state IN ('held', 'voided')",
    ),
    (
        # More where an answer ran over its cap.
        "a worst case is at least the amount of its hold",
        "SELECT c.id FROM charges c JOIN holds h ON h.id = c.hold_id"
        " WHERE c.usage_source = 'worst_case' AND c.cash_nano < h.amount_nano",
    ),
    (
        "a reported call costs its tokens at its price",
        "SELECT id FROM charges WHERE usage_source = 'provider' AND billing = 'payg'"
        " AND price_version IS NOT NULL AND corrects IS NULL AND cash_nano <>"
        " (input_tokens - min(coalesce(cache_read_tokens, 0), input_tokens)"
        "  - min(coalesce(cache_write_tokens, 0),"
        "        input_tokens - min(coalesce(cache_read_tokens, 0), input_tokens)))"
        "  * price_in_nano"
        " + min(coalesce(cache_read_tokens, 0), input_tokens)"
        "  * coalesce(price_cache_read_nano, price_in_nano)"
        " + min(coalesce(cache_write_tokens, 0),"
        "       input_tokens - min(coalesce(cache_read_tokens, 0), input_tokens))"
        "  * coalesce(price_cache_write_nano, price_in_nano)"
        " + output_tokens * price_out_nano",
    ),
    (
        "a day is the sum of its quarter-hours",
        f"SELECT day_ms FROM (SELECT {rollup_days.COLUMNS} FROM rollup_days"  # noqa: S608 (ours)
        f" EXCEPT {rollup_days.SUMMED}) UNION SELECT day_ms FROM ({rollup_days.SUMMED}"
        f" EXCEPT SELECT {rollup_days.COLUMNS} FROM rollup_days)",
    ),
    (
        "free work costs nothing",
        "SELECT id FROM charges WHERE billing <> 'payg' AND cash_nano <> 0",
    ),
    (
        "a charge with its corrections is not below zero",
        "SELECT id FROM charges c WHERE corrects IS NULL AND EXISTS (SELECT 1 FROM charges"
        " WHERE corrects = c.id) AND cash_nano + (SELECT sum(cash_nano) FROM charges"
        " WHERE corrects = c.id) < 0",
    ),
    (
        "a correction corrects a charge",
        "SELECT id FROM charges c WHERE corrects IS NOT NULL AND window_ms >= ({kept})"
        " AND NOT EXISTS (SELECT 1 FROM charges WHERE id = c.corrects)",
    ),
)


def audit(store: Store) -> Audit:
    """Count everything again, as of one moment; nobody waits for it."""
    with _moment(store) as connection:
        findings = [found for rule, sql in _RULES if (found := _broken(connection, rule, sql))]
        findings += _unequal(connection)
        return Audit(
            _one(connection, "SELECT count(*) FROM charges"),
            _one(connection, "SELECT count(*) FROM holds"),
            _one(connection, f"SELECT coalesce(sum(cash_nano), 0) FROM ({_COUNTED})"),  # noqa: S608
            _one(connection, f"SELECT coalesce(sum(cash_nano), 0) FROM ({_ROLLUP})"),  # noqa: S608
            tuple(findings),
        )


@contextmanager
def _moment(store: Store) -> Iterator[sqlite3.Connection]:
    """The database as it is now, whatever is written meanwhile."""
    with store.read() as connection:
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")


def repair(store: Store) -> int:
    """Count the roll-ups of the kept charges anew; returns how many rows changed."""
    with store.write() as connection:
        wrong = _one(connection, _different("count(*)"))
        connection.execute(f"DELETE FROM rollup WHERE quarter_ms >= ({_KEPT})")  # noqa: S608
        connection.execute(f"INSERT INTO rollup({_KEYS_AND_SUMS}) {_COUNTED}")
        rollup_days.rebuild(connection)
    return wrong


def _unequal(connection: sqlite3.Connection) -> list[Finding]:
    found = connection.execute(_different("count(*), min(quarter_ms)")).fetchone()
    if not found[0]:
        return []
    return [Finding("a roll-up is the sum of its charges", found[0], f"quarter {found[1]}")]


def _different(what: str) -> str:
    return (
        f"SELECT {what} FROM (SELECT * FROM ({_ROLLUP} EXCEPT {_COUNTED})"  # noqa: S608 (ours)
        f" UNION ALL SELECT * FROM ({_COUNTED} EXCEPT {_ROLLUP}))"
    )


def _broken(connection: sqlite3.Connection, rule: str, sql: str) -> Finding | None:
    rows = connection.execute(sql.format(kept=_KEPT)).fetchall()
    return Finding(rule, len(rows), str(rows[0][0])) if rows else None


def _one(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])
