"""What went wrong in a session, in one line."""

from __future__ import annotations

from lodestar.store.store import Store

LONGEST_REASON = 120


def session_line(store: Store, session: str) -> str | None:
    """`2 of 9 requests failed: ...` with the most frequent reason; None where none failed."""
    failures = store.rows(
        "SELECT coalesce(served_alias, requested_alias) AS alias, error, count(*) AS n"
        " FROM exchanges WHERE session_id = ? AND status = 'error'"
        " GROUP BY alias, error ORDER BY n DESC, max(started_ms) DESC",
        (session,),
    )
    if not failures:
        return None
    total = store.rows("SELECT count(*) AS n FROM exchanges WHERE session_id = ?", (session,))
    failed = sum(row["n"] for row in failures)
    reason = f"{failures[0]['alias']}: {_short(failures[0]['error'])}"
    more = f" (and {len(failures) - 1} other reasons)" if len(failures) > 1 else ""
    return f"{failed} of {total[0]['n']} requests failed: {reason}{more}"


def _short(error: str | None) -> str:
    text = " ".join((error or "no reason was given").split())
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"
