"""Bars and columns made of letters."""

from __future__ import annotations

from collections.abc import Sequence

_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII = " .:-=+*#@"


def columns(values: Sequence[int], ascii: bool) -> str:
    """A column for each value; what is something is never drawn as nothing."""
    letters = _ASCII if ascii else _BLOCKS
    most = max(values, default=0)
    steps = len(letters) - 1
    return "".join(letters[-(-value * steps // most)] if value > 0 else " " for value in values)


def bar(value: int, most: int, width: int) -> str:
    """A bar of a length; what is something has a sign at least."""
    return "=" * -(-value * width // most) if value > 0 and most > 0 else ""
