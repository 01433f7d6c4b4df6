"""The figures of a report: counts, tokens and three amounts of money that are never summed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Any


@dataclass(frozen=True)
class Figures:
    """Sums over calls. Money is nano-dollars.

    `cached` is a part of `input`, `reasoning` a part of `output`. `unpriced` are calls to paid
    models whose price is not known: `cash` is a lower bound then. `assumed` is the part of the cash
    that is a worst case and no bill. `unlisted` and `unavoided` are calls without a list price,
    and without a model to compare with; what they would add is unknown, not zero.
    """

    calls: int = 0
    free: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0
    cash: int = 0
    assumed: int = 0
    unpriced: int = 0
    list: int = 0
    unlisted: int = 0
    avoided: int = 0
    unavoided: int = 0

    def __add__(self, other: Figures) -> Figures:
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Figures(*(mine + theirs for mine, theirs in pairs))

    @property
    def free_share(self) -> float | None:
        """The share of the calls that cost nothing, 0 to 1; None without calls."""
        return self.free / self.calls if self.calls else None

    @property
    def list_known(self) -> int | None:
        """The list value; None where no call has a list price."""
        return self.list if self.calls > self.unlisted else None

    @property
    def avoided_known(self) -> int | None:
        """What was avoided; None where no call was compared with a paid model."""
        return self.avoided if self.calls > self.unavoided else None


PAID = "billing = 'payg'"
SUMS = {
    "calls": "sum(calls)",
    "free": f"sum(CASE WHEN {PAID} THEN 0 ELSE calls END)",
    "input": "sum(input_tokens)",
    "output": "sum(output_tokens)",
    "cached": "sum(cache_read_tokens)",
    "cache_written": "sum(cache_write_tokens)",
    "reasoning": "sum(reasoning_tokens)",
    "cash": "sum(cash_nano)",
    "assumed": "sum(assumed_nano)",
    "unpriced": f"sum(CASE WHEN {PAID} THEN unlisted ELSE 0 END)",
    "list": "sum(list_nano)",
    "unlisted": "sum(unlisted)",
    "avoided": "sum(avoided_nano)",
    "unavoided": "sum(unavoided)",
}
"""Each figure of a group of roll-up rows, as SQL."""


def of_row(row: Mapping[str, Any]) -> Figures:
    """The figures of a row that was selected by the names of SUMS."""
    return Figures(*(int(row[name] or 0) for name in SUMS))


def total(figures: Iterable[Figures]) -> Figures:
    """All of them together."""
    return sum(figures, Figures())
