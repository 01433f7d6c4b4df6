"""A limit's no, in words for people and in figures for programs."""

from __future__ import annotations

import shlex
from typing import Any

from lodestar.clock import zone
from lodestar.errors import LodestarError
from lodestar.exchange import Route
from lodestar.hookspecs import Refused
from lodestar.modules.usage_tracker.budget_text import iso
from lodestar.modules.usage_tracker.limits import SETTING_NAMES, Limit
from lodestar.modules.usage_tracker.prices import dollars, plain_dollars
from lodestar.modules.usage_tracker.room import USEFUL, Call
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.settings import Settings


def over(standing: Standing, route: Route, call: Call, settings: Settings) -> Refused:
    """The refusal of a call that does not fit a limit."""
    limit = standing.limit
    return Refused(
        _message(standing, call),
        limit.policy,
        f"{limit.source}: {limit.window}" if limit.source == "budget" else limit.source,
        _remedy(limit),
        _details(standing, settings),
    )


def clock_behind() -> Refused:
    """The refusal while the system's clock is more than a day behind the ledger's."""
    return Refused(
        "the system's clock is more than a day behind the last paid call, so no window of a"
        " limit can be told",
        "downgrade",
        "clock",
        "set the clock; where it is right now: lodestar budget clock-reset",
    )


def unfit(problem: LodestarError) -> Refused:
    """The refusal while the database cannot be relied on for money."""
    why = f"{problem.what}: {problem.why}" if problem.why else problem.what
    return Refused(f"paid models are closed: {why}", "downgrade", "ledger", problem.do)


def amount_text(limit: Limit, amount: int) -> str:
    """An amount of the limit's unit: `$2.00` or `120,000 tokens`."""
    if limit.unit == "tokens":
        return f"{amount:,} tokens"
    return f"${plain_dollars(amount)}" if amount == limit.amount else dollars(amount)


def name(limit: Limit) -> str:
    """What people call the limit: `daily limit ($2.00)`, `daily limit for gpt-4o ($2.00)`."""
    return f"{title(limit)} ({amount_text(limit, limit.amount)})"


def title(limit: Limit) -> str:
    """The same without its amount."""
    scope = f" for {limit.alias}" if limit.alias else ""
    scope += " of this project" if limit.project else ""
    word = "limit of one call" if limit.window == "call" else f"{SETTING_NAMES[limit.window]} limit"
    return f"{word}{scope}"


def _message(standing: Standing, call: Call) -> str:
    limit = standing.limit
    if limit.amount == 0:
        return f"the {name(limit)} closes paid models"
    least = min(call.max_output, USEFUL) * call.answers
    need = (
        dollars(call.price.worst(call.max_input, least))
        if limit.unit == "usd"
        else f"{call.max_input + least:,} tokens"
    )
    if limit.window == "call":
        return f"this call may cost {need} or more, above the {name(limit)}"
    used = f"{amount_text(limit, standing.spent)} used"
    held = f", {amount_text(limit, standing.held)} held by other calls" if standing.held else ""
    return f"the {name(limit)} has no room: {used}{held}, and this call may need {need}"


def _remedy(limit: Limit) -> str:
    if limit.source == "limits.session_usd":
        return "start again with a larger --budget, or raise `limits.session_usd` where it is set"
    if limit.source != "budget":
        return f"raise `{limit.source}` where it is set (lodestar config show --origin)"
    more = "100k --tokens" if limit.unit == "tokens" else "1"
    scope = " --call" if limit.window == "call" else ""
    scope += f" --model {shlex.quote(limit.alias)}" if limit.alias else ""
    scope += " --project ." if limit.project else ""
    return f"lodestar budget raise {more}{scope} --until midnight"


def _details(standing: Standing, settings: Settings) -> dict[str, Any]:
    limit = standing.limit
    usd, here = limit.unit == "usd", zone(settings.timezone)
    return {
        "window": limit.window,
        "unit": limit.unit,
        "limit": plain_dollars(limit.amount) if usd else limit.amount,
        "spent": plain_dollars(standing.spent) if usd else standing.spent,
        "held": plain_dollars(standing.held) if usd else standing.held,
        # A limit of nothing is as closed tomorrow.
        "resets_at": iso(standing.end_ms, here) if standing.end_ms and limit.amount else None,
    }
