"""What the status line says of money and tokens, looked up again only where something changed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from lodestar.clock import now_ms, zone
from lodestar.exchange import Route
from lodestar.modules.usage_tracker import admission, ledger_clock, standing, used, windows
from lodestar.modules.usage_tracker.alerts import WARN_FROM
from lodestar.modules.usage_tracker.budget_text import amount_text, limit_text
from lodestar.modules.usage_tracker.comparison import compared_with
from lodestar.modules.usage_tracker.limits import Window
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.modules.usage_tracker.used import Used
from lodestar.settings import Settings
from lodestar.store.store import Store

LASTS_MS = 30_000
"""A raise may end without a change of the database: so long it may still be shown."""
NAMES: dict[Window, str] = {
    "session": "session",
    "day": "today",
    "week": "this week",
    "month": "this month",
}


@dataclass(frozen=True)
class _Seen:
    """The segments as they were, and of what; nothing is different before `until_ms`."""

    settings: Settings
    key: tuple[object, ...]
    from_ms: int
    until_ms: int
    texts: Sequence[str]

    def holds(self, settings: Settings, key: tuple[object, ...], now: int) -> bool:
        """Whether a look would show the same again."""
        return self.settings is settings and self.key == key and self.from_ms <= now < self.until_ms


_seen: WeakKeyDictionary[Store, _Seen] = WeakKeyDictionary()
_guard = threading.Lock()


def status(session: str, route: Route, store: Store, settings: Settings) -> dict[str, Any]:
    """What `control_actions` promises. Limits that are nearly used up come first, then spend,
    tokens and what was avoided.

    While the database does not change that is one small question to it.
    """
    if store.unfit:
        return {}
    return {"parts": _parts(session, route, store, settings)}


def _parts(session: str, route: Route, store: Store, settings: Settings) -> Sequence[str]:
    wall = now_ms()
    with store.read() as connection:
        # What others wrote, and what this process did.
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        key = (session, route.alias, version, connection.total_changes)
    with _guard:
        known = _seen.get(store)
    if known and known.holds(settings, key, wall):
        return known.texts
    with store.read() as connection:
        found = _looked(connection, store, session, route, settings, wall, key)
    with _guard:
        _seen[store] = found
    return found.texts


def _looked(
    connection: sqlite3.Connection,
    store: Store,
    session: str,
    route: Route,
    settings: Settings,
    wall: int,
    key: tuple[object, ...],
) -> _Seen:
    moment, here = ledger_clock.moment(connection, wall), zone(settings.timezone)
    project, _ = admission.whereabouts(connection, session)
    limits = admission.applying(
        admission.limits_at(connection, settings, moment), project, route.alias
    )
    counted = [limit for limit in limits if limit.window != "call" and limit.amount]
    standings = standing.of_limits(store, counted, moment, here, session)
    start, end = windows.bounds("day", moment, here)
    mine, today = used.of_session(store, session), used.since(store, start)
    texts = [*_limits(standings), *_spent(standings, mine, today), *_used(mine, settings)]
    return _Seen(settings, key, wall, min(wall + LASTS_MS, wall + end - moment), tuple(texts))


def _limits(standings: Sequence[Standing]) -> Iterator[str]:
    """Those that are nearly used up, the nearest first; of the others session's and day's."""
    by_share = sorted(standings, key=_percent, reverse=True)
    near = [one for one in by_share if _percent(one) >= WARN_FROM]
    yield from (f"{_limit(one)} ({_percent(one)} %)" for one in near)
    told = {(one.limit.window, one.limit.unit) for one in near}
    for window in ("session", "day"):
        for one in by_share:
            kind = (one.limit.window, one.limit.unit)
            if one.limit.window == window and kind not in told:
                told.add(kind)
                yield _limit(one)


def _limit(one: Standing) -> str:
    limit = one.limit
    whose = " here" if limit.project else ""
    whose += f" {limit.alias}" if limit.alias else ""
    spent = amount_text(one.spent, "usd") if limit.unit == "usd" else count_text(one.spent)
    most = limit_text(limit) if limit.unit == "usd" else f"{count_text(limit.amount)} paid tokens"
    return f"{NAMES[limit.window]}{whose} {spent}/{most}"


def _spent(standings: Sequence[Standing], mine: Used, today: Used) -> Iterator[str]:
    """What was spent where no limit of dollars says it."""
    told = {one.limit.window for one in standings if one.limit.unit == "usd"}
    if "session" not in told and mine.cash_nano:
        yield f"{NAMES['session']} {amount_text(mine.cash_nano, 'usd')}"
    if "day" not in told and today.calls:
        yield f"{NAMES['day']} {amount_text(today.cash_nano, 'usd')}"


def _used(mine: Used, settings: Settings) -> Iterator[str]:
    if mine.tokens:
        yield f"{'~' if mine.guessed else ''}{count_text(mine.tokens)} tokens"
    # Only where it is known what the free work is compared with.
    if mine.avoided_nano and compared_with(settings):
        yield f"avoided {amount_text(mine.avoided_nano, 'usd', up=False)}"


def _percent(one: Standing) -> int:
    return one.spent * 100 // one.limit.amount


def count_text(count: int) -> str:
    """A number of tokens in at most five characters: `950`, `12.3k`, `123k`, `1.2M`."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (1000, "k")):
        if count >= size:
            tenths = count * 10 // size
            whole = tenths >= 1000 or tenths % 10 == 0
            return f"{tenths // 10}{unit}" if whole else f"{tenths // 10}.{tenths % 10}{unit}"
    return str(count)
