"""What people type about budgets: amounts of money, counts of tokens, moments."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal

from lodestar.errors import UsageError
from lodestar.modules.usage_tracker import windows
from lodestar.money import NANO

MOST_USD = 1_000_000
MOST_TOKENS = 10**15
_USD = re.compile(r"\$?(\d{1,12}(?:\.\d{1,20})?|\.\d{1,20})\Z", re.ASCII)
_COUNT = re.compile(r"(\d{1,16}(?:\.\d{1,9})?)([kKmMgG]?)\Z", re.ASCII)
_TIMES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_SPAN = re.compile(r"(\d{1,6})(m|min|h|d|w)\Z", re.ASCII)
_MINUTES = {"m": 1, "min": 1, "h": 60, "d": 1440, "w": 10080}
_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_EXAMPLES = "write midnight, 90m, 1h, 2d, 2026-11-30 or '2026-11-30 18:00'"


def parse_amount(text: str, tokens: bool) -> int:
    """Nano-dollars, or tokens. Raises UsageError."""
    return _tokens(text.strip()) if tokens else _usd(text.strip())


def _usd(text: str) -> int:
    found = _USD.match(text)
    if not found:
        why = "an amount is in US dollars: 2, 0.50, $2; a comma, a minus or a word is none"
        raise UsageError(f"`{text}` is not an amount", why, "write for example 2 or 0.50")
    amount = Decimal(found[1])
    if amount > MOST_USD:
        why = f"the most is ${MOST_USD:,}"
        raise UsageError(f"${text.lstrip('$')} is too much", why, "write a smaller amount")
    nano = amount * NANO
    if nano != int(nano):
        why = "money is counted in billionths of a dollar"
        raise UsageError(f"`{text}` has more than 9 decimals", why, "write fewer decimals")
    return int(nano)


def _tokens(text: str) -> int:
    found = _COUNT.match(text)
    count = Decimal(found[1]) * _TIMES[found[2].lower()] if found else Decimal("0.5")
    if count != int(count):
        why = "tokens are a whole number: 200000, 200k, 1.5M"
        raise UsageError(f"`{text}` is not a number of tokens", why, "write for example 200k")
    if count > MOST_TOKENS:
        raise UsageError(
            f"`{text}` is too much", f"the most is {MOST_TOKENS:,} tokens", "write less"
        )
    return int(count)


def parse_until(text: str, now_ms: int, zone: tzinfo | None) -> int:
    """The moment until which something holds, UTC milliseconds; a day counts to its end.

    Raises UsageError where it cannot be read or is over.
    """
    try:
        until = _until(text.strip(), now_ms, zone)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"`{text}` is not a moment", _said(error), _EXAMPLES) from error
    if until <= now_ms:
        raise UsageError(
            f"`{text}` is over already", "a raise holds until a later moment", _EXAMPLES
        )
    return until


def _until(text: str, now_ms: int, zone: tzinfo | None) -> int:
    span = _SPAN.match(text)
    if text == "midnight":
        return windows.bounds("day", now_ms, zone)[1]
    if span:
        return now_ms + int(span[1]) * _MINUTES[span[2]] * 60_000
    moment = datetime.fromisoformat(text)
    if _DAY.match(text):
        moment += timedelta(days=1)
    if moment.tzinfo is None:
        # A time that clocks skip is as long after the gap; of one that comes twice, the first.
        moment = moment.replace(tzinfo=zone) if zone else moment.astimezone()
    return int(moment.astimezone(timezone.utc).timestamp() * 1000)


def _said(error: Exception) -> str:
    return "it is too far away" if isinstance(error, OverflowError) else "it cannot be read"
