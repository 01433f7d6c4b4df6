"""Text that grows line by line, kept up to a size."""

from __future__ import annotations

import hashlib

MOST_CHARS = 1 << 20
CUT = "\n[cut: it was longer]"


class Text:
    """The first million characters, and a hash of all."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0
        self._hash = hashlib.sha256()
        self._cut = False

    def add(self, line: str) -> None:
        """One more line."""
        self._hash.update(line.encode("utf-8", "replace") + b"\n")
        room = MOST_CHARS - self._size
        if room > 0:
            self._pieces.append(line[:room])
            self._size += len(line) + 1
        self._cut = self._cut or len(line) > room

    @property
    def text(self) -> str:
        """The lines; where there were more, that is said at the end."""
        return "\n".join(self._pieces) + (CUT if self._cut else "")

    def digest(self) -> str:
        """What tells it from any other text."""
        return self._hash.hexdigest()
