"""Going up a tier: when that is allowed, why it happens, and what is said where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from lodestar.exchange import DEFAULT_OUTPUT, Request, Route
from lodestar.hookspecs import Refused
from lodestar.settings import ModelEntry, Settings

ASKED = "you asked"
ESCALATED = "you asked: /escalate"
WEAK_MODEL = "weak model of the profile"
FIRST = "auto: free first"
TOO_LONG = "context too long"
DOWN = "local down"
Bar = Literal["free only", "limit", "ceiling", "word"]
"""Why a model is not chosen by itself: paid ones are closed, it is too high, or nobody said so."""
# A token of code is 3 to 5 bytes of JSON, usually 4, and hardly ever more than 6. A model is left
# out where even the fewest tokens are too many for it; closer than that its server knows better,
# and says so before it works.
FEWEST_PER_BYTE, USUAL_PER_BYTE = 1 / 6, 1 / 4
USEFUL = 256
"""Tokens of answer for which there must be room."""
MILLION = 1_000_000
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Closed:
    """A route that is not taken without the user's word, and why."""

    route: Route
    bar: Bar


@dataclass(frozen=True)
class Rule:
    """What may answer instead of a model of this tier and price, and up to which tier."""

    settings: Settings
    tier: int
    paid: bool
    ceiling: int

    def bar(self, entry: ModelEntry) -> Bar | None:
        """What keeps this model from being chosen, None where nothing does."""
        if entry.paid and self.settings.limits.free_only:
            return "free only"
        goes_up = entry.tier > self.tier or (entry.paid and not self.paid)
        is_barred = goes_up and self.settings.routing.escalate != "auto"
        if entry.paid and self._is_closed and (is_barred or entry.tier > self.ceiling):
            # The user's word would be of no use.
            return "limit"
        if entry.tier > self.ceiling:
            return "ceiling"
        return "word" if is_barred else None

    @property
    def _is_closed(self) -> bool:
        """Whether the settings have a limit that no paid call fits."""
        limits = dict(self.settings.limits)
        return any(limits[name] == 0 for name in limits if name.endswith(("_usd", "_tokens")))


def edits_failed(times: int) -> str:
    """The reason of a paid call after so many local edits that failed."""
    return f"local edit failed {'twice' if times == 2 else f'{times} times'}"


def fallback_of(alias: str) -> str:
    """The reason of a call where another model did not answer."""
    return f"fallback of {alias}"


def too_long(request: Request, entry: ModelEntry) -> bool:
    """Whether the prompt does not fit this model; what may fit is tried."""
    return entry.context is not None and request.size * FEWEST_PER_BYTE + USEFUL > entry.context


def refused(request: Request, cause: str, closed: Sequence[Closed], free: Route | None) -> Refused:
    """No model that may be chosen serves this request: what the user can say.

    `free` is the free model that `cause` is about.
    """
    name = f"`{free.alias}`" if free else "a free model"
    why = {
        TOO_LONG: f"the chat is too long for {name}; take files out: /drop",
        FIRST: "none of the models of `auto` is free",
    }
    word = "and a model above it is asked only when you say so"
    text = why.get(cause) or f"{cause.replace('local edit', f'the edit by {name}')}, {word}"
    remedy = "; ".join(_ways(request, closed)) or "use a model with more room, or a shorter chat"
    if cause not in why:
        remedy += f"; or say it in other words, and {name} tries again"
    return Refused(text, "ask", "routing.escalate", remedy)


def hints(request: Request, closed: Sequence[Closed]) -> list[str]:
    """What the user can do about the routes that were not taken, a line each."""
    return list(_ways(request, closed))


def _ways(request: Request, closed: Sequence[Closed]) -> list[str]:
    fitting = [c for c in closed if not too_long(request, c.route.entry)]
    # Below the ceiling first.
    named = next((c for bar in ("word", "ceiling") for c in fitting if c.bar == bar), None)
    if named:
        price = cost(request.size, named.route.entry)
        return [f"go on with /model {named.route.alias} ({price})"]
    if fitting:
        alias, bar = fitting[0].route.alias, fitting[0].bar
        why = (
            "this session is free only" if bar == "free only" else "a limit of 0 closes paid models"
        )
        return [f"`{alias}` costs money and {why}: it is not asked"]
    return []


def cost(size: int, entry: ModelEntry) -> str:
    """What a request of so many bytes costs, in words."""
    if not entry.paid:
        return "free"
    if entry.price_in is None or entry.price_out is None:
        return "its price is not known"
    prompt = Decimal(size * USUAL_PER_BYTE) * entry.price_in / MILLION
    answer = (entry.max_output or DEFAULT_OUTPUT) * entry.price_out / MILLION
    return f"{_dollars(prompt)} for this message, {_dollars(answer)} at most for its answer"


def _dollars(amount: Decimal) -> str:
    return f"about ${amount:.2f}" if amount >= CENT else "under a cent"
