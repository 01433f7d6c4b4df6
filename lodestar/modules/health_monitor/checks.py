"""Checks for `lodestar doctor`."""

from __future__ import annotations

from collections.abc import Callable

from lodestar.clock import now_ms
from lodestar.modules.health_monitor.samples import sick
from lodestar.store.store import Store

DAY_MS = 24 * 60 * 60 * 1000

Check = tuple[str, Callable[[Store], str | None]]
"""(what is looked at, function that returns a problem in one line or None)"""


def checks() -> list[Check]:
    """The checks of this module."""
    return [("no model whose last calls all failed", failing_models)]


def failing_models(store: Store) -> str | None:
    """Names the models used today whose last calls all failed."""
    rows = store.rows(
        "SELECT alias, max(ts_ms) AS last FROM health_samples WHERE ts_ms > ? GROUP BY alias",
        (now_ms() - DAY_MS,),
    )
    failing = [row["alias"] for row in rows if sick(store, row["alias"], row["last"] + 1)]
    return f"the last calls of {', '.join(failing)} all failed" if failing else None
