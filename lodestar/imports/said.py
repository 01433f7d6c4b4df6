"""What a file of Aider's says of one call to a model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from lodestar.exchange import Kind

MOST_TOKENS = 10**9
MOST_NANO = 10_000 * 10**9
"""No single call costs so much; sums of many stay within what the database can hold."""
FIRST_MS = 1_672_531_200_000
"""2023-01-01: Aider is younger."""
DAY_MS = 86_400_000
NO_MODEL = "unknown"
_MODEL = re.compile(r"[\w.:/@+\-]{1,200}\Z", re.ASCII)
_KINDS: dict[str, Kind] = {"ask": "ask", "help": "ask", "context": "ask", "architect": "architect"}


@dataclass(frozen=True)
class Run:
    """One start of Aider. `key` is what makes it this one, by the file's own words.

    `named_ms` is its moment as the file writes it, whatever the time zone: ids follow from it.
    `own` says that Lodestar started it, and so has recorded it itself.
    """

    format: str
    key: str
    started_ms: int
    named_ms: int
    own: bool = False


@dataclass(frozen=True)
class Trace:
    """A commit that Aider made of an answer, or took back."""

    type: str
    commit: str
    message: str


@dataclass(frozen=True)
class Said:
    """One call: counts as Aider estimated them; `cost_nano` is None where no cost is stated.

    `number` counts the calls of a run, `turn` the user's messages. `raw` is what the file says
    of it, word by word: its id follows from it.
    """

    line: int
    run: Run
    number: int
    turn: int
    kind: Kind
    model: str
    at_ms: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    cost_nano: int | None
    raw: str
    prompt: str = ""
    answer: str = ""
    traces: tuple[Trace, ...] = ()


def kind_of(edit_format: str) -> Kind:
    """The kind of a call in one of Aider's edit formats."""
    return _KINDS.get(edit_format, "edit")


def model_of(name: object) -> str:
    """A model's name as it may be stored; what is none is `unknown`."""
    text = str(name).strip()
    return text if text != "None" and _MODEL.match(text) else NO_MODEL


def nano_of(dollars: str) -> int | None:
    """The nearest nano-dollar of an amount; None where it is none."""
    try:
        amount = (Decimal(dollars) * 10**9).to_integral_value(ROUND_HALF_UP)
    except (InvalidOperation, ValueError):
        return None
    return int(amount) if amount.is_finite() and 0 <= amount <= MOST_NANO else None


def is_count(value: object) -> bool:
    """Whether it can be a number of tokens."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
