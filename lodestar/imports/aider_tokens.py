"""Aider's line of tokens: `Tokens: 1.2k sent, 345 received. Cost: $0.01 message, $0.05 session.`"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lodestar.imports.said import MOST_TOKENS, nano_of

_TOKENS = re.compile(
    r"Tokens: (?P<input>\S+) sent(?:, (?P<written>\S+) cache write)?(?:, (?P<read>\S+) cache hit)?"
    r", (?P<output>\S+) received\.(?: (?P<cost>Cost: .*))?\Z"
)
_COST = re.compile(r"Cost: \$(\S+) message, \$\S+ session\.\Z")
_COUNT = re.compile(r"(\d{1,12})(?:\.(\d))?(k?)\Z", re.ASCII)


@dataclass(frozen=True)
class Counts:
    """Tokens and, where it is stated, the cost in nano-dollars."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    cost_nano: int | None

    @property
    def awaits_cost(self) -> bool:
        """Whether its cost may be on a line of its own, after it."""
        return self.cost_nano is None and self.cache_read > 0 and self.cache_write > 0


def counts_of(text: str) -> Counts | None:
    """What the line says; None where it cannot be read."""
    found = _TOKENS.match(text)
    if found is None:
        return None
    counts = [_count(found[name]) for name in ("input", "output", "read", "written")]
    sent, received, read, written = counts
    cost = cost_of(found["cost"]) if found["cost"] else None
    if sent is None or received is None or read is None or written is None:
        return None
    return None if found["cost"] and cost is None else Counts(sent, received, read, written, cost)


def cost_of(text: str) -> int | None:
    """The message's cost; None where it cannot be read."""
    found = _COST.match(text)
    return nano_of(found[1]) if found else None


def _count(text: str | None) -> int | None:
    """`345`, `1.2k`, `12k`; 0 where nothing is said, None where it is no count."""
    if text is None:
        return 0
    found = _COUNT.match(text)
    if not found or (found[2] and not found[3]):
        return None
    count = int(found[1]) * (1000 if found[3] else 1) + int(found[2] or 0) * 100
    return count if count <= MOST_TOKENS else None
