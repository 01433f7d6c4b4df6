"""How long an answer may get within the limits, and which limit is in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lodestar.modules.usage_tracker.prices import Price
from lodestar.modules.usage_tracker.standing import Standing

USEFUL = 256
"""Tokens: with a shorter cap an answer is cut off before it is worth its price."""
COMFORTABLE = 2048
"""Tokens that an ordinary edit needs: for less than that it pays to wait for other calls."""


@dataclass(frozen=True)
class Call:
    """The worst case of a call: tokens in, tokens of each answer, answers, price."""

    max_input: int
    max_output: int
    answers: int
    price: Price


@dataclass(frozen=True)
class Room:
    """What may be done: send the call with this cap, wait for holds, or refuse it.

    `tightest` is the limit that decided; None where none did.
    """

    decision: Literal["send", "wait", "refuse"]
    cap: int
    tightest: Standing | None


def room(call: Call, standings: Sequence[Standing], patient: bool) -> Room:
    """The decision for a call; `patient` is False once it has waited long enough."""
    cap, tightest = _cap(call, standings, held=True)
    if tightest is None or cap >= min(call.max_output, COMFORTABLE):
        return Room("send", cap, tightest)
    useful = min(call.max_output, USEFUL)
    later, _ = _cap(call, standings, held=False)
    if patient and later > cap and later >= useful:
        return Room("wait", cap, tightest)
    return Room("send" if cap >= useful else "refuse", cap, tightest)


def _cap(call: Call, standings: Sequence[Standing], held: bool) -> tuple[int, Standing | None]:
    cap, tightest = call.max_output, None
    for one in standings:
        fits = _affordable(call, one, held)
        if fits < cap:
            cap, tightest = fits, one
    return cap, tightest


def _affordable(call: Call, standing: Standing, held: bool) -> int:
    """The longest answer that the limit leaves room for, tokens; -1 where not even the input."""
    limit = standing.limit
    left = limit.amount - standing.spent - (standing.held if held else 0)
    usd = limit.unit == "usd"
    left -= call.max_input * (call.price.dearest_input if usd else 1)
    each = call.answers * (call.price.output if usd else 1)
    if left < 0:
        return -1
    return left // each if each else call.max_output
