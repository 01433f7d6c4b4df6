"""`lodestar budget check`: one line and an exit code."""

from __future__ import annotations

from lodestar.cli.output import print_json
from lodestar.errors import LedgerError
from lodestar.loading import Context
from lodestar.modules.usage_tracker.budget_bars import label
from lodestar.modules.usage_tracker.budget_picture import Picture, picture, plain
from lodestar.modules.usage_tracker.budget_scope import Wanted, ledger, scope_of
from lodestar.modules.usage_tracker.budget_text import (
    amount_text,
    limit_text,
    moment_text,
    wait_text,
)
from lodestar.modules.usage_tracker.limits import Window
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.terminal import one_line

ROOM, AT_LIMIT = 0, 3


def check(context: Context, wanted: Wanted, json: bool) -> int:
    """Print whether paid models have room left; returns the exit code. Raises LedgerError."""
    with ledger(context) as store:
        with store.write() as connection:
            scope = scope_of(context, connection, wanted)
        seen = picture(context, store)
    project = scope.project or seen.project
    if seen.behind:
        why = "the system's clock is more than a day behind the last paid call"
        do = "set the clock; where it is right now: lodestar budget clock-reset"
        raise LedgerError("paid models are refused", why, do)
    free = scope.alias is not None and not context.catalog.get(scope.alias).paid
    counting = [
        one
        for one in seen.standings
        if one.limit.project in (None, project) and one.limit.alias in (None, scope.alias)
    ]
    full = [] if free else [one for one in counting if _full(one)]
    closed = context.settings.limits.free_only and not free
    code = AT_LIMIT if full or closed else ROOM
    if json:
        data = [plain(seen, one) for one in counting]
        at = [data[counting.index(one)] for one in full]
        print_json("budget-check", {"room": code == ROOM, "at_limit": at, "limits": data},
                   free_only=context.settings.limits.free_only)  # fmt: skip
    else:
        print(one_line(_line(seen, counting, full, closed, free)))  # noqa: T201
    return code


def _full(one: Standing) -> bool:
    """Whether nothing more fits; what one call may cost is no sum that fills up."""
    return one.remaining <= 0 if one.limit.window != "call" else one.limit.amount == 0


def _line(
    seen: Picture, counting: list[Standing], full: list[Standing], closed: bool, free: bool
) -> str:
    if free:
        return "room left: this model is free"
    if closed:
        return "free only: paid models are closed (limits.free_only)"
    if full:
        # The one that is full for longest is the one to know of.
        last = max(full, key=lambda one: one.end_ms or 0)
        return f"at the limit: {_described(seen, last)}"
    sums = [one for one in counting if one.limit.window not in _unknown(seen)]
    if not sums:
        return "room left: there is no limit"
    # Dollars and tokens cannot be compared: the least that is left of each.
    least = {one.limit.unit: one for one in sorted(sums, key=lambda one: -one.remaining)}
    return "room left: " + "; ".join(
        f"{amount_text(one.remaining, unit, up=False)} of {limit_text(one.limit)}"
        f" ({label(one.limit, seen.names)})"
        for unit, one in sorted(least.items(), reverse=True)
    )


def _unknown(seen: Picture) -> tuple[Window, ...]:
    """The windows that say nothing of what is left: without a session there is none to look at."""
    return ("call",) if seen.session else ("call", "session")


def _described(seen: Picture, one: Standing) -> str:
    held = f", {amount_text(one.held, one.limit.unit)} held" if one.held else ""
    spent = amount_text(one.spent, one.limit.unit)
    text = f"{label(one.limit, seen.names)}: {spent} of {limit_text(one.limit)} spent{held}"
    if one.end_ms is None or one.limit.amount == 0:
        return text
    at = moment_text(one.end_ms, seen.now, seen.zone)
    return f"{text}; resets at {at} (in {wait_text(one.end_ms - seen.now)})"
