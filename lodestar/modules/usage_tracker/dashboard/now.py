"""The tab Now: the sessions that run, today's figures, the pace, and the newest exchanges."""

from __future__ import annotations

from collections.abc import Iterator

from lodestar.durations import duration_text
from lodestar.modules.usage_tracker.dashboard.drawing import columns
from lodestar.modules.usage_tracker.dashboard.newest import newest
from lodestar.modules.usage_tracker.dashboard.page import Line, Page
from lodestar.modules.usage_tracker.dashboard.sessions import session_lines
from lodestar.modules.usage_tracker.dashboard.view import View
from lodestar.modules.usage_tracker.reports.figures import Figures, total
from lodestar.modules.usage_tracker.reports.period import period_of
from lodestar.modules.usage_tracker.reports.usage import KEYS
from lodestar.modules.usage_tracker.reports.words import compact, dollars, percent

MINUTE_MS = 60_000
MINUTES = 30
DAYS = 31
_TOKENS = f"""
SELECT window_ms / {MINUTE_MS} AS minute,
  sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) AS tokens
FROM charges WHERE window_ms > :from AND corrects IS NULL {{only}} GROUP BY 1
"""  # noqa: S608 (our own names)
_HOUR = """
SELECT sum(cash_nano) AS cash, sum(corrects IS NULL) AS calls FROM charges
WHERE window_ms > :from AND billing = 'payg' {only}
"""
# From the roll-up, which has an index for it, to one quarter-hour of charges.
_QUARTER = """
SELECT quarter_ms FROM rollup WHERE quarter_ms >= :from AND cash_nano > 0 {only}
ORDER BY quarter_ms DESC LIMIT 1
"""
_PAID = """
SELECT c.window_ms, c.cash_nano, c.alias, coalesce(a.reason, c.reason) AS reason FROM charges c
LEFT JOIN attempts a ON a.id = c.attempt_id
WHERE c.window_ms >= :from AND c.cash_nano > 0 AND c.corrects IS NULL {only}
ORDER BY c.window_ms DESC LIMIT 1
"""


def now(view: View) -> Page:
    """What happens at this moment."""
    sheet, ids = newest(view)
    lines = (*session_lines(view), Line(""), *_today(view), *_pace(view))
    empty = "nothing was asked yet: lodestar code"
    return Page("Now", lines, sheet, ids, "nothing passes the filter" if view.only else empty)


def _today(view: View) -> Iterator[Line]:
    day = view.within(period_of("today", None, None, view.now, view.zone))
    whole = total(group.figures for group in day.usage())
    if whole == Figures():
        yield Line("today: nothing used yet", "off")
        return
    share, avoided = whole.free_share, whole.avoided_known
    bound = "at least " if whole.unpriced else ""
    parts = [
        f"{whole.calls:,} call{'' if whole.calls == 1 else 's'}",
        f"{percent(share)} free" if share is not None else "",
        f"{compact(whole.input)} in, {compact(whole.output)} out",
        f"{bound}{dollars(whole.cash)} cash",
        "" if avoided is None else f"{dollars(avoided)} avoided",
    ]
    yield Line("today: " + " | ".join(part for part in parts if part))
    if whole.unpriced:
        yield Line("some paid calls have no price: see lodestar prices", "warn")


def _pace(view: View) -> Iterator[Line]:
    hour = view.glance.row(_sql(_HOUR, view), _bound(view, 60 * MINUTE_MS))
    if hour and hour["calls"]:
        calls = "1 paid call" if hour["calls"] == 1 else f"{hour['calls']:,} paid calls"
        yield Line(f"last hour: {dollars(hour['cash'])} for {calls}")
    else:
        yield Line("last hour: nothing paid")
    if last := _last_paid(view):
        yield Line(last)
    yield Line(f"tokens in each of the last {MINUTES} min: {_minutes(view)}")


def _minutes(view: View) -> str:
    this = view.now // MINUTE_MS
    rows = view.glance.rows(_sql(_TOKENS, view), _bound(view, MINUTES * MINUTE_MS))
    found = {row["minute"]: row["tokens"] for row in rows}
    values = [found.get(this - back, 0) for back in reversed(range(MINUTES))]
    if not any(values):
        return "none"
    return f"|{columns(values, view.ascii)}| at most {compact(max(values))}"


def _last_paid(view: View) -> str | None:
    quarter = view.glance.row(_sql(_QUARTER, view), _bound(view, DAYS * 86_400_000))
    if quarter is None:
        return None
    bound = {**view.only, "from": quarter["quarter_ms"]}
    last = view.glance.row(_sql(_PAID, view, "c."), bound)
    if last is None:
        return None
    ago = duration_text(max(0, view.now - last["window_ms"]) // MINUTE_MS * 60)
    when = "just now" if ago == "0 s" else f"{ago} ago"
    why = f": {last['reason']}" if last["reason"] else ""
    return f"last paid {when}: {dollars(last['cash_nano'])}, {last['alias']}{why}"


def _sql(sql: str, view: View, table: str = "") -> str:
    only = "".join(f" AND {table}{KEYS[name]} = :{name}" for name in view.only)
    return sql.format(only=only)


def _bound(view: View, back_ms: int) -> dict[str, str | int]:
    return {**view.only, "from": view.now - back_ms}
