"""Reading what passes by: usage, text and the end of an answer, without touching its bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from types import NoneType
from typing import Any

from lodestar.exchange import Usage

EVENT_LIMIT = 1 << 20
TEXT_LIMIT = 2 << 20
# Parsed, each of these may take a hundred bytes: a small answer could fill the memory.
PARTS_LIMIT = 250_000
_SANE_TOKENS = 1_000_000_000
_MALFORMED = "the answer is not shaped like a chat completion"


class Tee:
    """Follows an SSE stream or a JSON answer as its bytes arrive."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._text = io.StringIO()
        self._kept = 0
        self._bytes = 0
        self._raw_usage: Mapping[str, Any] | None = None
        self._usage_is_final = False
        self.received = 0
        """Bytes of all that was generated: words, reasoning, calls of tools."""
        self.answers = False
        self.finish_reason: str | None = None
        self.model: str | None = None
        self.error: str | None = None
        self.done = False

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._text.getvalue()

    @property
    def complete(self) -> bool:
        """Whether the answer ended as it should; a clean end of the stream proves nothing."""
        return self.finish_reason is not None and self.error is None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of an SSE stream; what follows [DONE] is none of it."""
        lines, newline, rest = chunk.rpartition(b"\n")
        if newline:
            for line in (bytes(self._rest) + lines).split(b"\n"):
                if line.startswith(b"data:") and not self.done:
                    self._event(line[5:].strip())
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > EVENT_LIMIT and not self.done:
            self.error = self.error or "an event of the stream is larger than 1 MiB"
            self._rest.clear()

    def feed_json(self, body: bytes) -> None:
        """Take a whole JSON answer."""
        parts = sum(map(body.count, (b",", b"{", b"[")))
        data = _load(body) if parts <= PARTS_LIMIT else None
        if data is None:
            self.error = "the answer is not JSON" if parts <= PARTS_LIMIT else _MALFORMED
            return
        self._envelope(data)
        if not self.answers:
            self.error = self.error or _MALFORMED
        self.done = True

    def usage(self, request_bytes: int, whole: bool = True) -> Usage:
        """The provider's counts, or an estimate (4 bytes a token) marked as one.

        Counts of an answer that is not `whole` are the provider's only where they came last.
        """
        raw = self._raw_usage
        believed = whole or self._usage_is_final
        if raw is None or not believed or _count(raw, "prompt_tokens") is None:
            return Usage(input=request_bytes // 4, output=self._bytes // 4, raw=raw)
        prompt_details, output_details = (
            raw.get("prompt_tokens_details"),
            raw.get("completion_tokens_details"),
        )
        return Usage(
            input=_count(raw, "prompt_tokens"),
            output=_count(raw, "completion_tokens"),
            cache_read=_first_count(
                (prompt_details, "cached_tokens"),
                (raw, "cache_read_input_tokens"),
                (raw, "prompt_cache_hit_tokens"),
                (raw, "cached_tokens"),
            ),
            cache_write=_first_count(
                (raw, "cache_creation_input_tokens"),
                (prompt_details, "cache_write_tokens"),
                (prompt_details, "cache_creation_tokens"),
            ),
            reasoning=_count(output_details, "reasoning_tokens"),
            source="provider",
            raw=raw,
        )

    def _event(self, data: bytes) -> None:
        if data == b"[DONE]":
            self.done = True
            return
        event = _load(data)
        if event is None:
            self.error = self.error or "an event of the stream is not JSON"
        else:
            self._envelope(event)

    def _envelope(self, event: Mapping[str, Any]) -> None:
        if event.get("error"):
            self.error = _message(event["error"])
        if isinstance(event.get("model"), str):
            self.model = event["model"]
        choices = event.get("choices")
        if choices and not _are_choices(choices):
            # A client that trips over it would ask again for a minute.
            self.error = self.error or _MALFORMED
        elif choices:
            self._choice(choices[0])
            self.received += sum(_generated(_part(choice)) for choice in choices)
        if isinstance(event.get("usage"), dict):
            self._raw_usage = event["usage"]
            self._usage_is_final = self.finish_reason is not None

    def _choice(self, choice: Mapping[str, Any]) -> None:
        self.answers = True
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        content = _part(choice).get("content")
        if isinstance(content, str):
            kept = content[: TEXT_LIMIT - self._kept]
            self._text.write(kept)
            self._kept += len(kept)
            self._bytes += len(content.encode("utf-8", "replace"))


def _load(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _are_choices(choices: Any) -> bool:
    return isinstance(choices, list) and all(
        isinstance(choice, dict)
        and isinstance(choice.get("finish_reason"), (str, NoneType))
        and isinstance(_part(choice), dict)
        and isinstance(_part(choice).get("content"), (str, list, NoneType))
        for choice in choices
    )


def _part(choice: Mapping[str, Any]) -> Any:
    return choice.get("delta") or choice.get("message") or {}


def _generated(part: Mapping[str, Any]) -> int:
    """The bytes that a model generated for this part of an answer."""
    return sum(
        len((value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "replace"))
        for name, value in part.items()
        if name != "role" and value
    )


def _message(error: Any) -> str:
    text = error.get("message") if isinstance(error, dict) else error
    return str(text or "unknown error")


def _first_count(*places: tuple[Any, str]) -> int | None:
    """The first of a count's names that is given: each provider has its own."""
    found = (_count(counts, key) for counts, key in places)
    return next((count for count in found if count is not None), None)


def _count(counts: Any, key: str) -> int | None:
    value = counts.get(key) if isinstance(counts, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _SANE_TOKENS:
        return None
    return value
