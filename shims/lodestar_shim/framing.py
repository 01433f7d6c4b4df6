"""What a message has beyond its body: headers, chunk sizes, trailers."""

from __future__ import annotations

from aiohttp import StreamReader

# A chunk of one byte needs five more.
FACTOR = 4
LIMIT = 256 << 10


class Framing:
    """Counts the bytes of one message; aiohttp keeps any number of headers and trailers."""

    def __init__(self) -> None:
        self._received = 0
        self._body: StreamReader | None = None

    def begins(self, body: StreamReader | None) -> None:
        """A message begins, or its headers are complete and `body` follows."""
        self._received = body.total_bytes if body is not None else 0
        self._body = body

    def exceeds(self, size: int) -> bool:
        """Whether, with `size` more bytes received, there is too much around the body."""
        self._received += size
        body = self._body.total_bytes if self._body is not None else 0
        return self._received - body > LIMIT + FACTOR * body
