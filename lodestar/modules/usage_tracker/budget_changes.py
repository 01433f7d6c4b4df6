"""Setting, raising and removing budgets, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lodestar.clock import now_ms, zone
from lodestar.errors import UsageError
from lodestar.loading import Context
from lodestar.modules.usage_tracker import budgets, ledger_clock
from lodestar.modules.usage_tracker.budget_bars import label
from lodestar.modules.usage_tracker.budget_edit import active_by_key, edit
from lodestar.modules.usage_tracker.budget_input import parse_amount, parse_until
from lodestar.modules.usage_tracker.budget_log import Change, Key
from lodestar.modules.usage_tracker.budget_picture import picture
from lodestar.modules.usage_tracker.budget_scope import Scope, Wanted, ledger, scope_of
from lodestar.modules.usage_tracker.budget_text import NAMES, amount_text, moment_text
from lodestar.modules.usage_tracker.limits import WINDOWS, Policy, Window, from_settings


def set_limits(
    context: Context, wanted: Wanted, typed: Mapping[Window, str | None], policy: Policy | None
) -> list[str]:
    """Set the typed amounts, or only the policy where there are none; returns what changed."""
    given = {window: text for window, text in typed.items() if text is not None}
    amounts = {w: parse_amount(text, wanted.unit == "tokens") for w, text in given.items()}
    if not amounts and policy is None:
        do = "name one: lodestar budget set --daily 2"
        raise UsageError("there is nothing to set", "no amount and no policy was given", do)
    if policy and set(amounts) == {"call"}:
        why = "a call that may cost too much is refused, whatever happens at other limits"
        raise UsageError("--on-limit is not for --ask-above", why, "leave --on-limit away")

    def work(change: Change, now: int) -> None:
        scope = scope_of(context, change.connection, wanted, add=bool(amounts))
        for window, amount in amounts.items():
            own: Policy | None = "ask" if window == "call" else policy
            budgets.set_limit(change, _key(window, wanted, scope), amount, own)
        if not amounts and policy:
            _set_policies(change, now, wanted, scope, policy)

    return edit(context, None, work)


def raise_limits(
    context: Context, wanted: Wanted, amount: str, until: str, reason: str | None
) -> list[str]:
    """Add to the budgets of the scope until a moment; returns what changed."""
    more = parse_amount(amount, wanted.unit == "tokens")
    if more == 0:
        raise UsageError("a raise by 0 changes nothing", "", "give an amount, such as 1")

    raised: list[Key] = []

    def work(change: Change, now: int) -> None:
        scope = scope_of(context, change.connection, wanted)
        there = _in_scope(change, now, wanted, scope)
        chosen = wanted.windows or tuple(w for w in WINDOWS if w != "call")
        keys = [key for key in there if key.window in chosen]
        missing = set(wanted.windows) - {key.window for key in keys}
        if missing or not keys:
            raise _nothing_to_raise(context, wanted, missing or set(chosen))
        until_ms = parse_until(until, now, zone(context.settings.timezone))
        for key in keys:
            budgets.raise_limit(change, key, more, until_ms)
        raised.extend(keys)

    lines = edit(context, reason, work)
    return [*lines[:-1], *_still_full(context, raised), lines[-1]]


def _still_full(context: Context, keys: Sequence[Key]) -> Iterator[str]:
    """The limits of these that leave no room for all that."""
    with ledger(context) as store:
        seen = picture(context, store)
    for one in seen.standings:
        limit = one.limit
        key = Key(limit.window, limit.unit, limit.project, limit.alias)
        if limit.source == budgets.SOURCE and key in keys and one.remaining <= 0:
            used = amount_text(one.spent, limit.unit)
            held = f", {amount_text(one.held, limit.unit)} held" if one.held else ""
            yield f"  but {label(key, seen.names)} still has no room: {used} used{held}"


def remove_limits(context: Context, wanted: Wanted, everything: bool) -> list[str]:
    """Take budgets away; returns what changed."""
    if not (wanted.windows or everything):
        do = "name one, such as --daily, or say --all"
        raise UsageError("which budget is to be removed?", "", do)

    def work(change: Change, now: int) -> None:
        scope = scope_of(context, change.connection, wanted)
        scoped = wanted.project or wanted.model or not everything
        removed = 0
        for key, limit in active_by_key(change, now).items():
            in_scope = scope.holds(limit) or not scoped
            named = key.window in wanted.windows or (everything and not wanted.windows)
            # `--all` is money and tokens, unless it says which.
            if in_scope and named and (everything or key.unit == wanted.unit):
                budgets.remove(change, key)
                removed += 1
        if not removed:
            raise UsageError("there is no such budget", "", "see: lodestar budget show")

    return edit(context, None, work)


def undo(context: Context, id: str | None) -> list[str]:
    """Undo a change; returns what changed."""
    zone_name = context.settings.timezone
    lines = edit(context, None, lambda change, _: budgets.undo(change, id, zone_name))
    return [*lines[:-1], "undone; the other way again: lodestar budget undo"]


def reset_clock(context: Context) -> list[str]:
    """Set the ledger's clock to the system's; returns what was done."""
    with ledger(context) as store, store.write() as connection:
        wall = now_ms()
        high = ledger_clock.moment(connection, wall)
        if high > wall:
            ledger_clock.reset(connection, wall)
    here = zone(context.settings.timezone)
    if high <= wall:
        return ["the ledger's clock is not ahead of the system's: nothing to do"]
    return [
        f"the ledger's clock was at {moment_text(high, wall, here)}"
        f" and is now at {moment_text(wall, wall, here)}: paid models can be used again",
        "charges dated later than now count as of now, so nothing that was spent is forgotten",
    ]


def _set_policies(change: Change, now: int, wanted: Wanted, scope: Scope, policy: Policy) -> None:
    keys = [key for key in _in_scope(change, now, wanted, scope) if key.window != "call"]
    if not keys:
        why = "what to do at a limit belongs to a budget, and there is none of that kind"
        do = "set one with it: lodestar budget set --daily 2 --on-limit stop"
        raise UsageError("there is no budget to change", why, do)
    for key in keys:
        budgets.set_policy(change, key, policy)


def _in_scope(change: Change, now: int, wanted: Wanted, scope: Scope) -> list[Key]:
    found = active_by_key(change, now).items()
    return [key for key, limit in found if scope.holds(limit) and key.unit == wanted.unit]


def _key(window: Window, wanted: Wanted, scope: Scope) -> Key:
    return Key(window, wanted.unit, scope.project, scope.alias)


def _nothing_to_raise(context: Context, wanted: Wanted, windows: set[Window]) -> UsageError:
    names = ", ".join(NAMES[window] for window in WINDOWS if window in windows)
    what = f"there is no budget to raise ({names})"
    for limit in from_settings(context.settings.limits):
        if limit.unit == wanted.unit and limit.window in windows:
            origin = context.origins.get(limit.source, "default")
            why = f"the limit there is `{limit.source}` of the settings, which a raise cannot lift"
            return UsageError(what, why, f"change it where it is set: {origin}")
    why = "only what `lodestar budget set` set, for the same project and model, can be raised"
    return UsageError(what, why, "see: lodestar budget show")
