"""Budgets: the limits that `lodestar budget` sets, raises, removes and brings back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from lodestar.clock import local_text
from lodestar.errors import UsageError
from lodestar.modules.usage_tracker import budget_log
from lodestar.modules.usage_tracker.budget_log import Change, Entry, Key
from lodestar.modules.usage_tracker.limits import Limit, Policy

SOURCE = "budget"
SHORT_ID = 8
_ACTIVE = (
    "SELECT action, time_window, unit, project_id, alias, amount, policy, until_ms"
    " FROM budgets WHERE active = 1 ORDER BY rowid"
)


def active(
    connection: sqlite3.Connection, now_ms: int, default_policy: Policy = "downgrade"
) -> list[Limit]:
    """The limits in force, raises that are not over added to them."""
    amounts: dict[tuple[str, str, str | None, str | None], int] = {}
    policies = {}
    for row in connection.execute(_ACTIVE):
        action, window, unit, project, alias, amount, policy, until_ms = row
        key = (window, unit, project, alias)
        if action == "set":
            # The newest one alone counts, and the raises since.
            policies[key], amounts[key] = policy or default_policy, amount
        elif until_ms is None or until_ms > now_ms:
            amounts[key] = amounts.get(key, 0) + amount
    return [
        Limit(window, unit, amounts[key], policy, SOURCE, project, alias)
        for key, policy in policies.items()
        for window, unit, project, alias in (key,)
    ]


def raises(connection: sqlite3.Connection, now_ms: int) -> list[Entry]:
    """The raises in force, in the order in which they were made."""
    found = []
    for log in budget_log.by_key(budget_log.entries(connection)).values():
        counting = budget_log.in_force(budget_log.not_undone(log))
        found += [e for e in counting if e.action == "raise" and (e.until_ms or 0) > now_ms]
    return found


def set_limit(change: Change, key: Key, amount: int, policy: Policy | None = None) -> None:
    """Set a limit; it replaces the former one and its raises.

    Without a policy the former one's stays; without a former one it is that of the settings.
    """
    before = _counting(change, key)
    chosen = policy or (before[0].policy if before else None)
    if [(entry.amount, entry.policy) for entry in before] != [(amount, chosen)]:
        change.write("set", key, amount, chosen)


def set_policy(change: Change, key: Key, policy: Policy) -> None:
    """What to do at a limit that is there; amount and raises stay."""
    before = _counting(change, key)
    for entry in before if before[0].policy != policy else ():
        again = replace(change, reason=entry.reason)
        again.write(
            entry.action,
            key,
            entry.amount,
            policy if entry.action == "set" else None,
            entry.until_ms,
        )


def raise_limit(change: Change, key: Key, amount: int, until_ms: int) -> None:
    """Add to a limit that is there until a moment of the ledger's clock."""
    change.write("raise", key, amount, until_ms=until_ms)


def remove(change: Change, key: Key) -> None:
    """Take a limit away, and its raises."""
    change.write("remove", key)


def undo(change: Change, id: str | None, zone: str | None = None) -> list[Entry]:
    """Undo a change, by the end of an id, or the last one; returns its rows.

    What it replaced is in force again; undone itself, an undo brings the change back. Raises
    UsageError where something newer would be lost.
    """
    log = budget_log.entries(change.connection)
    rows = _rows_of_change(log, id)
    limits = budget_log.by_key(log)
    for key, part in budget_log.by_key(rows).items():
        if not budget_log.can_undo(limits[key], part):
            raise _changed_since(limits[key], part, zone)
    for row in reversed(rows):
        change.write("undo", row.key, undoes=row.id)
    return rows


def short(entry: Entry) -> str:
    """The end of a row's id: the part that differs between neighbours."""
    return entry.id[-SHORT_ID:].lower()


def _counting(change: Change, key: Key) -> list[Entry]:
    log = budget_log.entries(change.connection, key)
    return budget_log.in_force(budget_log.not_undone(log))


def _rows_of_change(log: Sequence[Entry], id: str | None) -> list[Entry]:
    see = "see: lodestar budget history"
    if not log:
        raise UsageError("there is no budget change to undo", "", see)
    found = log[-1:] if id is None else [e for e in log if id and e.id.endswith(id.upper())]
    times = {entry.created_ms for entry in found}
    if len(times) != 1:
        many = "several changes have" if times else "no change has"
        raise UsageError(f"{many} an id that ends in `{id}`", "", see)
    return [entry for entry in log if entry.created_ms in times]


def _changed_since(log: Sequence[Entry], part: Sequence[Entry], zone: str | None) -> UsageError:
    first, newest = part[0], log[-1]
    undoing = [entry for entry in log if entry.undoes == first.id]
    what = f"the change {short(first)} cannot be undone"
    if first.action != "undo" and first not in budget_log.not_undone(log) and undoing:
        do = f"bring it back: lodestar budget undo {short(undoing[-1])}"
        return UsageError(what, "it is undone already", do)
    when = local_text(newest.created_ms, zone)
    why = f"the same limit was changed after it, by {newest.who} on {when}"
    do = f"undo the newer one first: lodestar budget undo {short(newest)}"
    return UsageError(what, why, do)
