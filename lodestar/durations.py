"""Lengths of time as people write and read them: `90m`, `1h30m`; `1 h 30 min`."""

from __future__ import annotations

import re

from lodestar.errors import UsageError

SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_NAMES = {"d": "d", "h": "h", "m": "min", "s": "s"}
_WORDS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,7}})\s*{unit}\s*)?" for unit in SECONDS), re.I)


def parse_duration(text: str, bare: str | None = None) -> int:
    """The seconds that a text such as `30s`, `15m`, `1h30m` or `1d` stands for.

    `bare` is the unit of a number that has none; without it such a number is refused.
    Raises UsageError.
    """
    stripped = text.strip()
    if bare and re.fullmatch("[0-9]{1,7}", stripped):
        stripped += bare
    found = _DURATION.fullmatch(stripped)
    if not found or not any(found.groups()):
        plain = f", or a plain number of {_WORDS[bare]}" if bare else ""
        raise UsageError(
            f"`{text}` is not a length of time",
            f"it is written as numbers with d, h, m or s, the largest first{plain}",
            "write it like 45m, 2h or 1h30m",
        )
    counts = (int(count or 0) for count in found.groups())
    return sum(count * size for count, size in zip(counts, SECONDS.values(), strict=True))


def duration_text(seconds: float) -> str:
    """Whole seconds in the two largest units that say something: `1 h 59 min`, `45 s`.

    What is left over is dropped, never rounded up.
    """
    left = max(0, int(seconds))
    parts: list[tuple[int, str]] = []
    for unit, size in SECONDS.items():
        count, left = divmod(left, size)
        if count or parts:
            parts.append((count, _NAMES[unit]))
    shown = [f"{count} {name}" for count, name in parts[:2] if count]
    return " ".join(shown) or "0 s"
