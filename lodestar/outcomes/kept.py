"""How much of an answer is still there, as far as it is known."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from lodestar.store.reader import Reader

AT_ONCE = 500
_TYPES = ("commit", "undo", "reverted", "survival")
Signals = dict[str, dict[str, Mapping[str, Any]]]


def kept_percent(store: Reader, exchanges: Sequence[str]) -> dict[str, int]:
    """By exchange, the percentage of its lines that was counted last; nothing where none was.

    What was undone or reverted is 0.
    """
    found: dict[str, int] = {}
    for start in range(0, len(exchanges), AT_ONCE):
        for exchange, commits in _signals(store, exchanges[start : start + AT_ONCE]).items():
            counts = [count for signals in commits.values() if (count := _count(signals))]
            added = sum(count[0] for count in counts)
            if added:
                found[exchange] = round(100 * sum(count[1] for count in counts) / added)
    return found


def _signals(store: Reader, exchanges: Sequence[str]) -> Mapping[str, Signals]:
    """By exchange and commit, the last signal of each type and age."""
    marks = ", ".join("?" for _ in exchanges)
    rows = store.rows(
        "SELECT exchange_id, commit_hash, type, data FROM signals"  # noqa: S608 (only marks)
        f" WHERE exchange_id IN ({marks}) AND commit_hash IS NOT NULL ORDER BY rowid",
        list(exchanges),
    )
    found: defaultdict[str, Signals] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        if row["type"] in _TYPES:
            data = json.loads(row["data"])
            name = f"survival {data['days']:>3}" if row["type"] == "survival" else row["type"]
            found[row["exchange_id"]][row["commit_hash"]][name] = data
    return found


def _count(signals: Mapping[str, Mapping[str, Any]]) -> tuple[int, int] | None:
    """The lines of one commit and those that are left; None where nobody has looked yet."""
    ages = sorted(name for name in signals if name.startswith("survival"))
    if not signals.get("commit", {}).get("aider_edits"):
        return None
    if "reverted" in signals or ("undo" in signals and not ages):
        known = signals[ages[-1]]["added"] if ages else signals["commit"].get("insertions")
        return int(known or 0), 0
    last = signals[ages[-1]] if ages else None
    return (int(last["added"]), int(last["survived"])) if last else None
