"""What must hold for money, whatever was killed: the ledger against the provider's own truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestar.modules.usage_tracker.audit import audit
from lodestar.modules.usage_tracker.charges import sweep_orphans
from lodestar.modules.usage_tracker.plugin import register_migrations
from lodestar.store.schema import CORE
from lodestar.store.store import Store

Truth = Sequence[Mapping[str, Any]]
MICRO = 1000


class InvariantError(AssertionError):
    """Money is not what it must be; no other failure of a test is one of these."""


@dataclass(frozen=True)
class Books:
    """What was found, nano-dollars: truth, charges and open holds, and what a limit says."""

    billed: int
    truth: int
    ledger: int
    limit: int | None

    def __str__(self) -> str:
        over = f"{100 * (self.ledger - self.truth) / self.truth:.1f} %" if self.truth else "-"
        limit = f", limit ${self.limit / 1e9:.6f}" if self.limit is not None else ""
        return (
            f"{self.billed} billed calls, truth ${self.truth / 1e9:.6f},"
            f" ledger ${self.ledger / 1e9:.6f} (overcount {over}){limit}"
        )


def open_store(home: Path) -> Store:
    """The database of a home, with the tables of money."""
    return Store.open(home / "usage.db", [CORE, register_migrations()])


def total(truth: Truth) -> int:
    """What the provider billed, nano-dollars."""
    return sum(line["usd_nano"] for line in truth)


def committed(store: Store) -> int:
    """Charges and open holds, nano-dollars."""
    row = store.row(
        "SELECT (SELECT coalesce(sum(cash_nano), 0) FROM charges)"
        " + (SELECT coalesce(sum(amount_nano), 0) FROM holds WHERE state = 'held')"
    )
    return int(row[0]) if row else 0


def require(holds: object, what: str) -> None:
    """Raise InvariantError unless it holds."""
    if not holds:
        raise InvariantError(what)


def check_running(store: Store, billed: Callable[[], int], limit: int) -> None:
    """While all goes on: what was billed so far is within the limit in force and in the ledger.

    Within a transaction, so that no hold is placed meanwhile; `billed` is asked in it.
    """
    with store.write():
        spent = billed()
        require(spent <= limit, f"overshoot: billed {spent}, the limit in force is {limit}")
        # What is billed has its hold or its charge before: the ledger cannot be behind.
        counted = committed(store)
        require(counted >= spent, f"lost: billed {spent}, the ledger has {counted}")
        # No answer of these costs more than its hold, so this cannot even happen for a moment.
        require(counted <= limit, f"overshoot: charged and held {counted}, the limit is {limit}")


def check_ended(home: Path, truth: Truth, limit: int | None = None) -> Books:
    """After one sweep, with no shim left: everything. Raises InvariantError."""
    with open_store(home) as store:
        sweep_orphans(store)
        books = Books(len(truth), total(truth), committed(store), limit)
        if limit is not None:
            require(books.truth <= limit, f"overshoot: {books}")
            require(books.ledger <= limit, f"the ledger itself is above the limit: {books}")
        require(books.ledger >= books.truth, f"lost: {books}")
        _check_calls(store, truth)
        _check_rows(store)
    return books


def _check_calls(store: Store, truth: Truth) -> None:
    """Each billed call is in the log, and is charged no less than it cost."""
    exchanges = dict(map(tuple, store.rows("SELECT id, exchange_id FROM attempts")))
    missing = [line["id"] for line in truth if line["id"] not in exchanges]
    require(not missing, f"{len(missing)} billed calls are not in the log: {missing[:3]}")
    # A charge that is written while the log cannot be names the exchange, but no attempt.
    charged = dict(
        map(tuple, store.rows("SELECT coalesce(attempt_id, exchange_id), cash_nano FROM charges"))
    )
    short = [
        line
        for line in truth
        if charged.get(line["id"], charged.get(exchanges[line["id"]], 0)) < line["usd_nano"]
    ]
    require(not short, f"{len(short)} calls are charged less than they cost: {short[:3]}")


_WITHOUT_ONE_CHARGE = """
    SELECT h.id FROM holds h LEFT JOIN charges c ON c.hold_id = h.id GROUP BY h.id
    HAVING count(c.id) <> (h.state IN ('posted', 'orphan'))
"""


def _check_rows(store: Store) -> None:
    require(store.rows("PRAGMA integrity_check")[0][0] == "ok", "the database is damaged")
    findings = audit(store).findings
    require(not findings, f"the audit found {findings}")
    held = store.rows("SELECT id FROM holds WHERE state = 'held'")
    require(not held, f"{len(held)} holds of nobody after a sweep")
    wrong = store.rows(_WITHOUT_ONE_CHARGE)
    require(not wrong, f"{len(wrong)} holds do not have the one charge they must have")
