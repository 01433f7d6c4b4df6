"""One change of budgets as a transaction, and what is different after it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import tzinfo
from typing import Any

from lodestar.clock import now_ms, zone
from lodestar.known_secrets import environment_secrets
from lodestar.loading import Context
from lodestar.modules.usage_tracker import budget_log, budgets, ledger_clock
from lodestar.modules.usage_tracker.budget_bars import label
from lodestar.modules.usage_tracker.budget_log import Change, Key
from lodestar.modules.usage_tracker.budget_scope import ledger, project_names, who
from lodestar.modules.usage_tracker.budget_text import limit_text, moment_text
from lodestar.modules.usage_tracker.limits import WINDOWS, Limit, Policy, from_settings
from lodestar.redaction import Redactor
from lodestar.store import journal, state
from lodestar.store.store import Store
from lodestar.store.text import storable

LONGEST_REASON = 500
UNDO = "undo: lodestar budget undo"
Limits = Mapping[Key, Limit]


def edit(context: Context, reason: str | None, work: Callable[[Change, int], object]) -> list[str]:
    """Do it in one transaction and say what is different afterwards.

    `work` is given the change to write and the ledger's time.
    """
    with ledger(context) as store, store.write() as connection:
        wall = now_ms()
        now = ledger_clock.moment(connection, wall)
        change = budget_log.begin(connection, who(), _clean(reason), wall)
        default = context.settings.limits.on_limit
        before = active_by_key(change, now, default)
        work(change, now)
        after = active_by_key(change, now, default)
        lines = list(_differences(store, context, now, before, after))
        written = _written(change)
        state.bump(connection)
    for row in written:
        journal.append(context.home, "budgets", row)
    return [*lines, UNDO] if lines else ["nothing changed"]


def _written(change: Change) -> list[dict[str, Any]]:
    """The rows of the limits that were changed: `active` of the former ones may be new, too."""
    rows = change.connection.execute(
        "SELECT * FROM budgets b WHERE EXISTS (SELECT 1 FROM budgets WHERE created_ms = ?"
        " AND time_window = b.time_window AND unit = b.unit AND project_id IS b.project_id"
        " AND alias IS b.alias) ORDER BY rowid",
        (change.created_ms,),
    )
    return [dict(row) for row in rows.fetchall()]


def active_by_key(change: Change, now: int, default: Policy = "downgrade") -> dict[Key, Limit]:
    """The budgets in force as the change sees them."""
    limits = budgets.active(change.connection, now, default)
    return {Key(one.window, one.unit, one.project, one.alias): one for one in limits}


def _differences(
    store: Store, context: Context, now: int, before: Limits, after: Limits
) -> Iterator[str]:
    names = project_names(store)
    with store.write() as connection:
        raised = budgets.raises(connection, now)
    for key in sorted({**before, **after}, key=_place):
        old, new = before.get(key), after.get(key)
        if old != new:
            ends = [entry.until_ms or 0 for entry in raised if entry.key == key]
            until = f" until {moment_text(min(ends), now, _here(context))}" if ends else ""
            was, is_now = (limit_text(limit) if limit else "none" for limit in (old, new))
            yield f"{label(key, names)}: {was} -> {is_now}{until}{_then(old, new)}"
            yield from _tighter(context, new)


def _tighter(context: Context, new: Limit | None) -> Iterator[str]:
    """The limits of the settings that are in the way before the new one is."""
    for limit in from_settings(context.settings.limits):
        same = new and (limit.window, limit.unit) == (new.window, new.unit)
        if same and new and limit.amount < new.amount:
            origin = context.origins.get(limit.source, "default")
            yield f"  but `{limit.source}` ({origin}) still ends it at {limit_text(limit)}"


def _then(old: Limit | None, new: Limit | None) -> str:
    """What happens at the limit, where that is new."""
    if new is None or new.window == "call":
        return ""
    said = f", at the limit: {new.policy}" if old is None or old.policy != new.policy else ""
    shut = new.amount == 0 and (old is None or old.amount != 0)
    return said + ("; paid models are closed" if shut else "")


def _place(key: Key) -> tuple[int, str]:
    return WINDOWS.index(key.window), key.unit


def _here(context: Context) -> tzinfo | None:
    return zone(context.settings.timezone)


def _clean(reason: str | None) -> str | None:
    """The reason without keys, as everything that is written down."""
    if not (reason or "").strip():
        return None
    text = Redactor(environment_secrets(os.environ)).text(storable(str(reason)))
    return " ".join(text.split())[:LONGEST_REASON]
