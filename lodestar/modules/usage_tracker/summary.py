"""What a session cost and what free work avoided, in a few lines."""

from __future__ import annotations

from lodestar.modules.usage_tracker.prices import dollars
from lodestar.store.store import Store

_TOTALS = """
SELECT count(*) AS calls, coalesce(sum(cash_nano), 0) AS cash,
       coalesce(sum(cash_nano) FILTER (WHERE usage_source = 'worst_case' AND corrects IS NULL
           AND NOT EXISTS (SELECT 1 FROM charges WHERE corrects = c.id)), 0) AS assumed
FROM charges c WHERE session_id = ?
"""
_AVOIDED = """
SELECT avoided_alias AS alias, sum(avoided_nano) AS nano FROM charges
WHERE session_id = ? AND avoided_alias IS NOT NULL GROUP BY avoided_alias HAVING nano > 0
"""


def session_lines(store: Store, session: str) -> list[str]:
    """Lines for the summary of a session; none where it used nothing."""
    row = store.row(_TOTALS, (session,))
    if row is None or not row["calls"]:
        return []
    avoided = [
        f"at {one['alias']}'s prices {{}} would have been {dollars(one['nano'])}"
        for one in store.rows(_AVOIDED, (session,))
    ]
    if not row["cash"]:
        return ["; ".join(["spent nothing", *(text.format("it") for text in avoided)])]
    lines = [f"spent {dollars(row['cash'])}"]
    if row["assumed"]:
        lines.append(
            f"of that, {dollars(row['assumed'])} is a worst case: no usage was reported for it"
        )
    return lines + [text.format("the free work") for text in avoided]
