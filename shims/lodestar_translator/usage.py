"""The provider's own counts, read from its bytes: what litellm makes of them is not always exact.

Each wire has its own idea of what the input includes; what comes out is OpenAI's, with
Anthropic's names for a cache that is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Counts = dict[str, Any]


def counts_in(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The counts in one JSON document of an answer, None where it has none."""
    message = document.get("message")
    places = (
        document.get("usage"),
        document.get("usageMetadata"),
        message.get("usage") if isinstance(message, Mapping) else None,
        document,
    )
    for place in places:
        if isinstance(place, Mapping) and not _COUNTED.isdisjoint(place):
            return place
    return None


def merged(before: Counts, new: Mapping[str, Any]) -> Counts:
    """Counts of a stream so far: the newest hold, but what has been counted does not shrink."""
    after = dict(before)
    for name, value in new.items():
        known = before.get(name)
        if value is None or (_number(value) and _number(known) and value < known):
            continue
        after[name] = value
    return after


def as_openai(counts: Counts) -> Counts | None:
    """A provider's counts in OpenAI's form; None where they are none that we know."""
    for name, convert in _WIRES.items():
        if name in counts:
            return convert(counts)
    return None


def _openai(counts: Counts) -> Counts:
    return counts


def _anthropic(counts: Counts) -> Counts:
    if "input_tokens_details" in counts:
        return _responses(counts)
    read = counts.get("cache_read_input_tokens")
    written = counts.get("cache_creation_input_tokens")
    usage = _usage(_sum(counts["input_tokens"], read, written), counts.get("output_tokens"))
    if read is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": read}
        usage["cache_read_input_tokens"] = read
    if written is not None:
        usage["cache_creation_input_tokens"] = written
    # How long what was written is kept, which has a price of its own.
    kept: Counts = {
        name: counts[name] for name in ("cache_creation", "service_tier") if name in counts
    }
    return {**usage, **kept}


def _responses(counts: Counts) -> Counts:
    """OpenAI's Responses, whose input includes what is cached."""
    usage = _usage(counts["input_tokens"], counts.get("output_tokens"))
    usage["prompt_tokens_details"] = counts["input_tokens_details"]
    usage["completion_tokens_details"] = counts.get("output_tokens_details")
    return usage


def _gemini(counts: Counts) -> Counts:
    thoughts = counts.get("thoughtsTokenCount")
    prompt = _sum(counts["promptTokenCount"], counts.get("toolUsePromptTokenCount"))
    usage = _usage(prompt, _sum(counts.get("candidatesTokenCount"), thoughts))
    if "cachedContentTokenCount" in counts:
        usage["prompt_tokens_details"] = {"cached_tokens": counts["cachedContentTokenCount"]}
    if thoughts is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": thoughts}
    total = counts.get("totalTokenCount")
    return {**usage, "total_tokens": total} if _number(total) else usage


def _ollama(counts: Counts) -> Counts:
    return _usage(counts["prompt_eval_count"], counts.get("eval_count"))


_WIRES: dict[str, Callable[[Counts], Counts]] = {
    "prompt_tokens": _openai,
    "input_tokens": _anthropic,
    "promptTokenCount": _gemini,
    "prompt_eval_count": _ollama,
}
"""By the name that only this wire's counts have."""
# Anthropic's last event may count the output alone.
_COUNTED = {*_WIRES, "output_tokens"}


def _usage(prompt: Any, output: Any) -> Counts:
    usage = {"prompt_tokens": prompt, "completion_tokens": output}
    if _number(prompt) and _number(output):
        usage["total_tokens"] = prompt + output
    return usage


def _sum(*counts: Any) -> Any:
    """The sum of what is known; what is no number spoils it, and is left for the ledger to see."""
    known = [count for count in counts if count is not None]
    odd = [count for count in known if not _number(count)]
    return odd[0] if odd else sum(known)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
