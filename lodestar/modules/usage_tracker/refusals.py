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
from lodestar.modules.usage_tracker.prices import dollars
from lodestar.modules.usage_tracker.room import USEFUL, Call
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.money import NANO, plain_dollars
from lodestar.settings import Settings


def over(standing: Standing, route: Route, call: Call, settings: Settings) -> Refused:
    """The refusal of a call that does not fit a limit."""
    limit = standing.limit
    return Refused(
        _message(standing, call),
        limit.policy,
        f"{limit.source}: {limit.window}" if limit.source == "budget" else limit.source,
        _remedy(standing, call),
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


def no_price(route: Route, most: int) -> Refused:
    """The refusal of a call whose price is not known, which may have `most` tokens of input."""
    alias, long = route.alias, route.entry.long_prompt
    if long and most > long.above:
        what = f"its prompt may have {most:,} tokens, and the price of `{alias}` holds up to"
        more = f"set `long_prompt` prices of `{alias}` in config.yaml"
        remedy = f"take files out of the chat: /drop; or {more}"
        return Refused(f"{what} {long.above:,}", "ask", "price", remedy)
    return Refused(
        f"the price of `{alias}` is not known, so its cost cannot be covered in advance",
        "ask",
        "price",
        f"set price_in and price_out of `{alias}` in config.yaml, or use a free model",
    )


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
    needed = _needed(limit, call)
    need = dollars(needed) if limit.unit == "usd" else f"{needed:,} tokens"
    if limit.window == "call":
        return f"this call may cost {need} or more, above the {name(limit)}"
    used = f"{amount_text(limit, standing.spent)} used"
    held = f", {amount_text(limit, standing.held)} held by other calls" if standing.held else ""
    return f"the {name(limit)} has no room: {used}{held}, and this call may need {need}"


def _needed(limit: Limit, call: Call) -> int:
    """What the call may take of the limit with the shortest useful answer."""
    least = min(call.max_output, USEFUL) * call.answers
    if limit.unit == "usd":
        return call.price.worst(call.max_input, least)
    return call.max_input + least


def _remedy(standing: Standing, call: Call) -> str:
    limit = standing.limit
    if limit.source == "limits.session_usd":
        return "start again with a larger --budget, or raise `limits.session_usd` where it is set"
    if limit.source != "budget":
        return f"raise `{limit.source}` where it is set (lodestar config show --origin)"
    more = _enough(limit, _needed(limit, call) - standing.remaining)
    scope = " --call" if limit.window == "call" else ""
    scope += f" --model {shlex.quote(limit.alias)}" if limit.alias else ""
    scope += " --project ." if limit.project else ""
    return f"lodestar budget raise {more}{scope} --until midnight"


def _enough(limit: Limit, missing: int) -> str:
    """The raise that covers it, in whole cents, or in thousands of tokens."""
    if limit.unit == "tokens":
        return f"{max(1, -(-missing // 1000))}k --tokens"
    cents = max(1, -(-missing // (NANO // 100)))
    return f"{cents // 100}.{cents % 100:02}"


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
