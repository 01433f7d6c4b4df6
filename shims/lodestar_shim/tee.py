"""Reading what passes by: usage, text and the end of an answer, without touching its bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lodestar.exchange import Usage

EVENT_LIMIT = 1 << 20
TEXT_LIMIT = 8 << 20
_SANE_TOKENS = 1_000_000_000


class Tee:
    """Follows an SSE stream or a JSON answer as its bytes arrive."""

    def __init__(self) -> None:
        self._rest = b""
        self._parts: list[str] = []
        self._size = 0
        self._raw_usage: Mapping[str, Any] | None = None
        self.events = 0
        self.finish_reason: str | None = None
        self.model: str | None = None
        self.error: str | None = None
        self.done = False

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._parts)

    @property
    def complete(self) -> bool:
        """Whether the answer ended as it should; a clean end of the stream proves nothing."""
        return self.finish_reason is not None and self.error is None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of an SSE stream."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > EVENT_LIMIT:
            self.error = "an event of the stream is larger than 1 MiB"
            self._rest = b""
        for line in lines:
            if line.startswith(b"data:"):
                self._event(line[5:].strip())

    def feed_json(self, body: bytes) -> None:
        """Take a whole JSON answer."""
        self.events += 1
        data = _load(body)
        if data is None:
            self.error = "the answer is not JSON"
            return
        self._envelope(data)
        self.done = True

    def usage(self, request_bytes: int) -> Usage:
        """The provider's counts, or an estimate (4 bytes a token) marked as one."""
        raw = self._raw_usage
        if raw is None or _count(raw, "prompt_tokens") is None:
            return Usage(
                input=request_bytes // 4, output=len(self.text.encode("utf-8", "replace")) // 4
            )
        prompt_details, output_details = (
            raw.get("prompt_tokens_details"),
            raw.get("completion_tokens_details"),
        )
        return Usage(
            input=_count(raw, "prompt_tokens"),
            output=_count(raw, "completion_tokens"),
            cache_read=_count(prompt_details, "cached_tokens"),
            cache_write=_count(raw, "cache_creation_input_tokens"),
            reasoning=_count(output_details, "reasoning_tokens"),
            source="provider",
            raw=raw,
        )

    def _event(self, data: bytes) -> None:
        self.events += 1
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
        if isinstance(event.get("usage"), dict):
            self._raw_usage = event["usage"]
        if isinstance(event.get("model"), str):
            self.model = event["model"]
        choices = event.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            self._choice(choices[0])

    def _choice(self, choice: Mapping[str, Any]) -> None:
        if isinstance(choice.get("finish_reason"), str):
            self.finish_reason = choice["finish_reason"]
        part = choice.get("delta") or choice.get("message")
        content = part.get("content") if isinstance(part, dict) else None
        if isinstance(content, str) and self._size < TEXT_LIMIT:
            self._parts.append(content)
            self._size += len(content)


def _load(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _message(error: Any) -> str:
    text = error.get("message") if isinstance(error, dict) else error
    return str(text or "unknown error")


def _count(counts: Any, key: str) -> int | None:
    value = counts.get(key) if isinstance(counts, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _SANE_TOKENS:
        return None
    return value
