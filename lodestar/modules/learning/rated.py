"""Ratings that could teach the local model."""

from __future__ import annotations

from lodestar.store.store import Store

_RATED = """
SELECT count(DISTINCT coalesce(ratings.exchange_id, ratings.id)) AS n
FROM ratings JOIN sessions ON sessions.id = ratings.session_id
WHERE ratings.undone_ms IS NULL AND ratings.session_id = ?
"""


def rated_answers(store: Store, session: str) -> int:
    """How many ratings of a session stand."""
    row = store.row(_RATED, (session,))
    return int(row["n"]) if row else 0
