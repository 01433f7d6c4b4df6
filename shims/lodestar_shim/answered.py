"""The model that answered last, where it is another one than was asked."""

from __future__ import annotations

from typing import Any

from lodestar.catalog import Catalog
from lodestar.exchange import Route
from lodestar.settings import Settings
from lodestar.store.store import Store

_LAST = """
SELECT requested_alias, served_alias FROM exchanges
WHERE session_id = ? AND kind IN ('edit', 'reflection', 'ask', 'architect')
    AND status IN ('ok', 'aborted') AND served_alias IS NOT NULL
ORDER BY rowid DESC LIMIT 1
"""
"""From the newest row on: none is read but the last few."""


class LastAnswer:
    """A question for the status line, about the user's own messages."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def __call__(
        self, session: str, route: Route, store: Store, settings: Settings
    ) -> dict[str, Any]:
        """`last answer: PAID claude-sonnet` where `route` was asked, and this one answered."""
        row = store.row(_LAST, (session,))
        if row is None or self._catalog.plain(row["requested_alias"]) != route.alias:
            return {}
        served = row["served_alias"]
        if served == route.alias:
            return {}
        price = ""
        if served in self._catalog:
            price = "PAID " if self._catalog.get(served).paid else "FREE "
        return {"parts": [f"last answer: {price}{served}"]}
