"""What a session cost, in one or two lines."""

from __future__ import annotations

from lodestar.modules.usage_tracker.prices import dollars
from lodestar.store.store import Store

_TOTALS = """
SELECT count(*) AS calls, coalesce(sum(cash_nano), 0) AS cash,
       coalesce(sum(cash_nano) FILTER (WHERE usage_source = 'worst_case'), 0) AS assumed
FROM charges WHERE session_id = ?
"""


def session_lines(store: Store, session: str) -> list[str]:
    """Lines for the summary of a session; none where it used nothing."""
    row = store.row(_TOTALS, (session,))
    if row is None or not row["calls"]:
        return []
    if not row["cash"]:
        return ["spent nothing"]
    lines = [f"spent {dollars(row['cash'])}"]
    if row["assumed"]:
        lines.append(
            f"of that, {dollars(row['assumed'])} is a worst case: no usage was reported for it"
        )
    return lines
