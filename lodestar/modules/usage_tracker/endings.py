"""Endings: what an attempt is charged, by how it ended.

| how it ended | charged | source |
|---|---|---|
| never sent | nothing | `unsent` |
| turned away (HTTP 3xx, 4xx but 408) before any usage | nothing | `unsent` |
| whole, with sane final usage of at most 10 times the worst case | that usage, also above the hold | `provider` |
| whole, streamed, no usage, and the model cannot reason unseen | bound of the input, and at most a token for each byte received, never more than the cap | `estimated` |
| whole, no usage, and some of it may be unseen | the hold | `worst_case` |
| usage that is negative, text, absurd or contradicts the answer | the hold | `worst_case` |
| the client left, and no usage came in the time it was waited for | the hold | `worst_case` |
| broken off, took too long, or failed (408, 5xx) after it was sent | the hold | `worst_case` |
| ran over its cap and was stopped | the hold, or a token for each byte received if that is more | `worst_case` |
"""  # noqa: E501 (a row is a row)

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeGuard

from lodestar.exchange import Outcome, Request, Usage
from lodestar.modules.usage_tracker.prices import Price

Source = Literal["provider", "estimated", "worst_case", "unsent"]
# A report above this many times the worst case is nonsense, not a price.
ABSURD = 10
MOST_NANO = 2**63 - 1
"""What a column of the database can hold."""
_SANE_TOKENS = 10**9
_NONSENSE = "its usage is nonsense"
# Families whose every billed token is in the stream. A name that is not known may reason unseen.
_OPEN = re.compile(r"(.*/)?(gpt-3\.5|gpt-4o|gpt-4\.1|gpt-4-turbo|claude-3-(haiku|sonnet|opus))")
_REASONING_FIELDS = ("reasoning", "reasoning_effort", "thinking", "include_reasoning")


@dataclass(frozen=True)
class Ending:
    """What an attempt is charged, nano-dollars, where the figure is from, and why.

    `tokens` is (input, output) where the provider's report was charged: its counts, with what
    some leave out of them.
    """

    cash_nano: int
    source: Source
    reason: str
    tokens: tuple[int, int] | None = None


def judged(
    outcome: Outcome,
    worst_nano: int,
    max_input: int,
    max_output: int,
    price: Price,
    hidden: bool = True,
) -> Ending:
    """The ending of an attempt whose hold is `worst_nano`, for `max_input` and `max_output` tokens.

    `hidden` says whether tokens may be billed that nobody saw (see `may_hide`). The amount is
    never negative, and never more than the database can hold.
    """
    if unsent := _why_unsent(outcome):
        return Ending(0, "unsent", unsent)
    received = outcome.received_bytes or 0
    if outcome.overran:
        most = price.worst(max_input, max(max_output, received))
        return _worst(max(worst_nano, most), "ran over its output cap and was stopped")
    if outcome.usage.source == "provider" and _is_whole(outcome):
        found = _reported(outcome.usage, received)
        cash = price.of(*found) if found else -1
        if found is None or not 0 <= cash <= worst_nano * ABSURD:
            return _worst(worst_nano, _NONSENSE)
        cash = min(cash, MOST_NANO)
        return Ending(cash, "provider", "reported by the provider", found[:2])
    if unknown := _why_unknown(outcome, hidden):
        return _worst(worst_nano, unknown)
    cash = price.worst(max_input, min(max_output, received))
    return Ending(min(cash, worst_nano, MOST_NANO), "estimated", "no usage: bytes were counted")


def may_hide(request: Request, model: str) -> bool:
    """Whether the answer may hold billed tokens that are not among the bytes received."""
    asked = any(request.body.get(name) for name in _REASONING_FIELDS)
    return asked or not request.stream or _OPEN.match(model) is None


def _worst(nano: int, reason: str) -> Ending:
    return Ending(max(0, min(nano, MOST_NANO)), "worst_case", reason)


def _why_unsent(outcome: Outcome) -> str | None:
    """Why the provider did nothing; None where it may have worked, and bill it."""
    if not outcome.sent:
        return "never sent"
    status = outcome.http_status or 0
    # One that failed itself (408, 5xx) may have worked for nothing.
    refused = 300 <= status < 500 and status != 408 and outcome.usage.source != "provider"
    return f"turned away with HTTP {status}" if refused else None


def _is_whole(outcome: Outcome) -> bool:
    """Whether the usage is the final one, not a count in the middle of an answer."""
    return outcome.status == "ok" or outcome.finish_reason is not None


def _why_unknown(outcome: Outcome, hidden: bool) -> str | None:
    """Why nobody can tell what was used; None where the bytes received tell it."""
    status = outcome.http_status or 0
    if outcome.status == "aborted":
        return "the client left before the usage came"
    if outcome.status != "ok":
        return f"failed with HTTP {status}" if status >= 400 else "broke off after it was sent"
    if outcome.usage.raw is not None:
        return _NONSENSE
    unseen = hidden or outcome.finish_reason is None or outcome.received_bytes is None
    return "no usage was reported" if unseen else None


def _reported(usage: Usage, received: int) -> tuple[int, int, int, int] | None:
    """Tokens in, out, from and to the cache by the provider's count; None where it is nonsense."""
    total = usage.raw.get("total_tokens") if isinstance(usage.raw, Mapping) else None
    more = (usage.reasoning, usage.cache_read, usage.cache_write, total)
    counts = [usage.input, usage.output, *(count or 0 for count in more)]
    sane = [count for count in counts if _sane(count)]
    if len(sane) < len(counts):
        return None
    prompt, output, reasoning, read, written, all_of_it = sane
    # A prompt is never nothing, and words cost something.
    if not prompt or (received and not output):
        return None
    # Some leave what is cached out of the input, or the reasoning out of the output.
    prompt += read + written if read + written > prompt else 0
    output += reasoning if reasoning > output else 0
    return prompt, max(output, all_of_it - prompt), read, written


def _sane(count: object) -> TypeGuard[int]:
    return isinstance(count, int) and not isinstance(count, bool) and 0 <= count < _SANE_TOKENS
