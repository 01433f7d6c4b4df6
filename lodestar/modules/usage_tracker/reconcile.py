"""Reconciling: correcting what was charged at its worst case, by a row of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lodestar.errors import UsageError
from lodestar.modules.usage_tracker import charges
from lodestar.paths import Home
from lodestar.store import journal, state
from lodestar.store.store import Store


@dataclass(frozen=True)
class Assumed:
    """A charge that nobody reported. Amounts are nano-dollars, `settled` with its
    corrections; `tokens` is what it counts against token limits."""

    id: str
    attempt: str | None
    alias: str
    model: str
    reason: str
    charged: int
    settled: int
    tokens: int
    created_ms: int


def assumed(store: Store, most: int) -> list[Assumed]:
    """The newest charges that are a worst case or an estimate."""
    rows = store.rows(
        "SELECT c.*, cash_nano + coalesce((SELECT sum(cash_nano) FROM charges"
        " WHERE corrects = c.id), 0) AS settled, limited_tokens + coalesce((SELECT"
        " sum(limited_tokens) FROM charges WHERE corrects = c.id), 0) AS tokens FROM charges c"
        " WHERE usage_source <> 'provider' AND billing = 'payg' AND corrects IS NULL"
        " ORDER BY created_ms DESC LIMIT ?",
        (most,),
    )
    return [
        Assumed(
            row["id"],
            row["attempt_id"],
            row["alias"],
            row["model"],
            row["reason"] or "",
            row["cash_nano"],
            row["settled"],
            row["tokens"],
            row["created_ms"],
        )
        for row in rows
    ]


def correct(
    store: Store, charge_id: str, actual: int, reason: str | None, tokens: int | None = None
) -> Assumed:
    """Make a charge come to `actual` nano-dollars; the former row stays as it is.

    `tokens` is what it then counts against token limits, None what it does already. Raises
    UsageError where there is no such charge, or nothing to correct.
    """
    with store.write() as connection:
        # Inside: another command may correct the same charge.
        one = _found(store, charge_id)
        if one.settled == actual and tokens in (None, one.tokens):
            why = "it comes to that amount already"
            raise UsageError("there is nothing to correct", why, "see: lodestar budget reconcile")
        row: dict[str, Any] = dict(
            connection.execute("SELECT * FROM charges WHERE id = ?", (one.id,)).fetchone()
        )
        row |= _correction(one, actual, reason)
        row["limited_tokens"] = 0 if tokens is None else tokens - one.tokens
        charges.insert(connection, row)
        state.bump(connection)
    journal.append(Home(store.path.parent), "charges", row)
    return one


def _found(store: Store, charge_id: str) -> Assumed:
    found = [one for one in assumed(store, -1) if one.id.endswith(charge_id.upper())]
    if len(found) != 1 or not charge_id:
        what = f"{'several charges have' if found else 'no assumed charge has'} an id that ends in"
        see = "see: lodestar budget reconcile"
        raise UsageError(f"{what} `{charge_id}`", "a reported charge needs no correction", see)
    return found[0]


def _correction(one: Assumed, actual: int, reason: str | None) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("hold_id", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    )
    difference = actual - one.settled
    return {
        **nothing,
        "reasoning_tokens": None,
        "usage_raw": None,
        "corrects": one.id,
        "reason": reason or "reconciled",
        "cash_nano": difference,
        "list_nano": difference,
        "avoided_nano": 0,
    }
