"""What `lodestar status` shows of budgets, and what the doctor asks the ledger."""

from __future__ import annotations

from typing import Any

from lodestar.clock import now_ms, zone
from lodestar.doctor.check import Problem
from lodestar.modules.usage_tracker import budgets, holds, ledger_clock, standing
from lodestar.modules.usage_tracker.audit import audit
from lodestar.modules.usage_tracker.budget_text import NAMES, amount_text, exact_amount, moment_text
from lodestar.modules.usage_tracker.charges import sweep_orphans
from lodestar.modules.usage_tracker.limits import from_settings
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.settings import Settings
from lodestar.status.part import Level, Line, Part, Seen
from lodestar.store.store import Store

WARN_FROM, OF_ONE = 80, ("call", "session")


def looks(settings: Settings) -> list[Any]:
    """Checks of the ledger, and the part of the status."""
    return [
        ("a ledger whose sums are right", unequal),
        ("no money held for the dead", orphans),
        Part("budget", lambda store: budget(store, settings) if store else None),
    ]


def unequal(store: Store) -> list[Problem]:
    """Sums that are not what their rows say."""
    return [
        Problem(
            f"the ledger breaks a rule: {found.rule} ({found.count} times)",
            "lodestar data audit",
            f"for one, {found.example}",
        )
        for found in audit(store).findings
    ]


def orphans(store: Store) -> list[Problem]:
    """Holds of processes that are gone; they are charged at their worst case."""
    owners = holds.dead_owners(store)
    if not owners:
        return []

    def fix() -> str:
        count = sweep_orphans(store)
        return f"charged {'1 hold' if count == 1 else f'{count} holds'} of dead processes"

    why = "what their calls cost is not known, so it counts as the most that it can be"
    count = "1 process that is" if len(owners) == 1 else f"{len(owners)} processes that are"
    what = f"money is held for {count} gone"
    return [Problem(what, "lodestar doctor --fix", why, "warn", fix)]


def budget(store: Store, settings: Settings) -> Seen | None:
    """The limits that go beyond one call and one session; None where there are none."""
    here, free_only = zone(settings.timezone), settings.limits.free_only
    with store.read() as connection:
        now = ledger_clock.moment(connection, now_ms())
        set_ones = budgets.active(connection, now, settings.limits.on_limit)
        limits = [
            limit
            for limit in (*set_ones, *from_settings(settings.limits))
            if limit.window not in OF_ONE
        ]
        found = standing.of_limits(store, limits, now, here)
    lines = [Line("free only: paid models are closed")] if free_only else []
    lines += [_line(one, now, here) for one in found]
    if not lines:
        return Seen(
            [Line("no limit by day, week or month", "off")], {"free_only": False, "limits": []}
        )
    return Seen(lines, {"free_only": free_only, "limits": [_plain(one) for one in found]})


def _line(one: Standing, now: int, here: Any) -> Line:
    limit, used = one.limit, _percent(one)
    alias = f" for {limit.alias}" if limit.alias else ""
    project = " in one project" if limit.project else ""
    spent = amount_text(one.spent, limit.unit)
    text = (
        f"{NAMES[limit.window]}{alias}{project}: {spent} of {amount_text(limit.amount, limit.unit)}"
    )
    held = f", {amount_text(one.held, limit.unit)} held" if one.held else ""
    resets = f", anew from {moment_text(one.end_ms, now, here)}" if one.end_ms else ""
    level: Level = "fail" if used >= 100 else "warn" if used >= WARN_FROM else "ok"
    return Line(f"{text} ({used} %){held}{resets}", level)


def _plain(one: Standing) -> dict[str, Any]:
    limit = one.limit
    return {
        "window": limit.window,
        "unit": limit.unit,
        "model": limit.alias,
        "limit": exact_amount(limit.amount, limit.unit),
        "spent": exact_amount(one.spent, limit.unit),
        "held": exact_amount(one.held, limit.unit),
        "percent": _percent(one),
    }


def _percent(one: Standing) -> int:
    return one.spent * 100 // one.limit.amount if one.limit.amount else 100
