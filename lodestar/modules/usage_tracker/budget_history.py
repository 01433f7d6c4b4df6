"""`lodestar budget history`: who changed what, when and why."""

from __future__ import annotations

from typing import Any

from lodestar.cli.output import print_json, print_table
from lodestar.clock import local_text, now_ms, zone
from lodestar.loading import Context
from lodestar.modules.usage_tracker import budget_log, budgets, ledger_clock
from lodestar.modules.usage_tracker.budget_bars import label
from lodestar.modules.usage_tracker.budget_log import Entry
from lodestar.modules.usage_tracker.budget_scope import ledger, project_names
from lodestar.modules.usage_tracker.budget_text import amount_text, exact_amount, iso

COLUMNS = ("id", "when", "who", "limit", "change", "reason", "state")


def show(context: Context, json: bool, limit: int) -> None:
    """Print the newest changes."""
    with ledger(context) as store, store.write() as connection:
        log = budget_log.entries(connection)
        names = project_names(store)
        states = _states(log, ledger_clock.moment(connection, now_ms()))
    newest = log[::-1][:limit]
    zone_name = context.settings.timezone
    if json:
        here = zone(zone_name)
        data = [_plain(entry, states[entry.id], names, here) for entry in newest]
        print_json("budget-history", data, tz=zone_name)
        return
    firsts = _firsts(log)
    rows = [_row(entry, firsts, states[entry.id], names, zone_name) for entry in newest]
    print_table(COLUMNS, rows)


def _firsts(log: list[Entry]) -> dict[str, str]:
    """By each row's id that of its change: what one command wrote is undone together."""
    of_time: dict[int, str] = {}
    for entry in log:
        of_time.setdefault(entry.created_ms, budgets.short(entry))
    return {entry.id: of_time[entry.created_ms] for entry in log}


def _states(log: list[Entry], now: int) -> dict[str, str]:
    """What each row is worth now."""
    found = {}
    for rows in budget_log.by_key(log).values():
        kept = budget_log.not_undone(rows)
        counting = budget_log.in_force(kept)
        for entry in rows:
            if entry.action == "undo":
                found[entry.id] = ""
            elif entry not in kept:
                found[entry.id] = "undone"
            elif entry.action == "raise" and (entry.until_ms or 0) <= now:
                found[entry.id] = "over"
            elif entry.action == "remove":
                found[entry.id] = "in force" if entry is kept[-1] else "replaced"
            else:
                found[entry.id] = "in force" if entry in counting else "replaced"
    return found


def _row(
    entry: Entry, firsts: dict[str, str], state: str, names: Any, zone_name: str | None
) -> list[str | None]:
    tokens = " (tokens)" if entry.key.unit == "tokens" else ""
    return [
        firsts[entry.id],
        local_text(entry.created_ms, zone_name),
        entry.who,
        label(entry.key, names) + tokens,
        _change(entry, firsts, zone_name),
        entry.reason,
        state,
    ]


def _change(entry: Entry, firsts: dict[str, str], zone_name: str | None) -> str:
    """`set $2.00, stop`, `raise $1.00 until 2026-11-25 00:00`, `remove`, `undo 12ab34cd`."""
    if entry.undoes:
        return f"undo {firsts.get(entry.undoes, '')}"
    amount = "" if entry.amount is None else f" {amount_text(entry.amount, entry.key.unit)}"
    until = f" until {local_text(entry.until_ms, zone_name)}" if entry.until_ms else ""
    policy = f", {entry.policy}" if entry.policy else ""
    return f"{entry.action}{amount}{until}{policy}"


def _plain(entry: Entry, state: str, names: Any, here: Any) -> dict[str, Any]:
    key = entry.key
    return {
        "id": entry.id,
        "at": iso(entry.created_ms, here),
        "who": entry.who,
        "action": entry.action,
        "window": key.window,
        "unit": key.unit,
        "project": names.get(key.project) if key.project else None,
        "model": key.alias,
        "amount": None if entry.amount is None else exact_amount(entry.amount, key.unit),
        "until": None if entry.until_ms is None else iso(entry.until_ms, here),
        "on_limit": entry.policy,
        "reason": entry.reason,
        "undoes": entry.undoes,
        "state": state or None,
    }
