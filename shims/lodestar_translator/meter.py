"""Following a provider's bytes as they pass: its counts, and an error among its events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lodestar_translator.usage import Counts, as_openai, counts_in, merged

EVENT_LIMIT = 1 << 20
WHOLE_LIMIT = 8 << 20
STREAM_LIMIT = 64 << 20
ERROR_LIMIT = 64 << 10
# Most events are words: only those that may hold counts or an error are parsed.
_MARKS = (b"oken", b"eval_count", b'"error"')


class TooLargeError(Exception):
    """More than any answer has."""


class Meter:
    """Reads one answer, a stream of events or of lines, or one JSON document."""

    def __init__(self, status: int, kind: str) -> None:
        self._failed = status >= 400
        self._whole = self._failed or kind.partition(";")[0].strip() == "application/json"
        self._rest = bytearray()
        self._counts: Counts = {}
        self._received = 0
        self.full = False
        """Enough of an error was read; what follows says nothing more."""
        self.error: Mapping[str, Any] | None = None
        """The error that the provider reported, in its own shape."""

    @property
    def usage(self) -> Counts | None:
        """The counts so far, in OpenAI's form."""
        return as_openai(self._counts)

    @property
    def body(self) -> bytes:
        """What a whole answer, or an error, consists of so far."""
        return bytes(self._rest)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Raises TooLargeError."""
        self._received += len(chunk)
        self._rest += chunk
        if self._failed:
            self.full = len(self._rest) >= ERROR_LIMIT
        elif self._received > (WHOLE_LIMIT if self._whole else STREAM_LIMIT):
            raise TooLargeError("the answer is larger than any may be")
        if not self._whole:
            self._lines()

    def finish(self) -> None:
        """The answer has ended."""
        self._document(bytes(self._rest))

    def _lines(self) -> None:
        lines, newline, rest = bytes(self._rest).rpartition(b"\n")
        if newline:
            for line in lines.split(b"\n"):
                if any(mark in line for mark in _MARKS):
                    self._document(line.removeprefix(b"data:"))
        self._rest = bytearray(rest)
        if len(self._rest) > EVENT_LIMIT:
            raise TooLargeError("an event of the stream is larger than 1 MiB")

    def _document(self, text: bytes) -> None:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(document, dict):
            return
        error = document.get("error")
        if error:
            self.error = error if isinstance(error, dict) else {"message": str(error)}
        counts = counts_in(document)
        if counts is not None:
            self._counts = merged(self._counts, counts)
