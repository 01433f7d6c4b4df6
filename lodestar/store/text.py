"""Text that SQLite accepts."""

from __future__ import annotations


def storable(text: str) -> str:
    """The text without lone surrogates: half an emoji would make the whole write fail."""
    return text.encode("utf-8", "replace").decode("utf-8")
