"""What was used: calls, tokens, and the three figures of money, which are never summed."""

from __future__ import annotations

from dataclasses import dataclass

from lodestar.modules.usage_tracker import rollup
from lodestar.store.reader import Reader

_SUMMED = (
    "calls",
    "input_tokens",
    "output_tokens",
    "cash_nano",
    "assumed_nano",
    "list_nano",
    "unlisted",
    "avoided_nano",
    "unavoided",
)
_FREE = "billing <> 'payg'"
_OF_CHARGE = dict(zip(rollup.SUMS, rollup.COUNTS, strict=True))
_OF_SESSION = (
    "SELECT "  # noqa: S608 (our own names)
    + ", ".join(f"coalesce(sum({_OF_CHARGE[name]}), 0) AS {name}" for name in _SUMMED)
    + f", count(*) FILTER (WHERE {_FREE} AND corrects IS NULL) AS free,"
    " count(*) FILTER (WHERE usage_source <> 'provider' AND corrects IS NULL) AS guessed"
    " FROM charges WHERE session_id = ?"
)
_SINCE = (
    "SELECT "  # noqa: S608 (our own names)
    + ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in _SUMMED)
    + f", coalesce(sum(calls) FILTER (WHERE {_FREE}), 0) AS free, 0 AS guessed"
    " FROM rollup WHERE quarter_ms >= ?"
)


@dataclass(frozen=True)
class Used:
    """Sums over calls. Amounts are nano-dollars.

    `unlisted` and `unavoided` count the calls for which that figure is unknown, `guessed` those
    whose tokens are not the provider's word; a day does not know the latter. `assumed_nano` is the
    part of the cash that is a worst case.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    cash_nano: int
    assumed_nano: int
    list_nano: int
    unlisted: int
    avoided_nano: int
    unavoided: int
    free: int
    guessed: int

    @property
    def tokens(self) -> int:
        """In and out."""
        return self.input_tokens + self.output_tokens

    @property
    def is_compared(self) -> bool:
        """Whether what was avoided is known of any free call."""
        return self.free > self.unavoided


def of_session(store: Reader, session: str) -> Used:
    """Of one session, from its charges."""
    return _used(store, _OF_SESSION, session)


def since(store: Reader, start_ms: int) -> Used:
    """Of all sessions since a moment, from the roll-ups of quarter-hours."""
    return _used(store, _SINCE, start_ms - start_ms % rollup.QUARTER_MS)


def _used(store: Reader, sql: str, value: str | int) -> Used:
    row = store.row(sql, (value,))
    return Used(**dict(row)) if row else Used(*(0,) * 11)
