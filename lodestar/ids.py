"""Identifiers: ULIDs, which sort by the time they were made."""

from __future__ import annotations

from ulid import ULID


def new_id() -> str:
    """A fresh ULID: 26 characters, ordered by creation time."""
    return str(ULID())
