"""What the next paid call will meet, and what one waits for just now: for the status line."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from lodestar.clock import now_ms, zone
from lodestar.exchange import Route
from lodestar.modules.usage_tracker import admission, ledger_clock, refusals, standing
from lodestar.modules.usage_tracker.limits import Limit
from lodestar.modules.usage_tracker.prices import price_of
from lodestar.modules.usage_tracker.room import USEFUL, Call, room
from lodestar.settings import Settings
from lodestar.store.store import Store


@dataclass
class _Outlook:
    """The last call of each model, which the next one will be like, and who waits for what."""

    calls: dict[tuple[str | None, str], Call] = field(default_factory=dict)
    waits: Counter[str] = field(default_factory=Counter)


_outlooks: WeakKeyDictionary[Store, _Outlook] = WeakKeyDictionary()
_guard = threading.Lock()


def remember(store: Store, session: str | None, alias: str, call: Call) -> None:
    """A session asked for this."""
    with _guard:
        _of(store).calls[session, alias] = call


@contextmanager
def waiting(store: Store, limit: Limit) -> Iterator[None]:
    """A call waits in here until other calls give back what they hold of a limit."""
    name = refusals.name(limit)
    with _guard:
        _of(store).waits[name] += 1
    try:
        yield
    finally:
        with _guard:
            _of(store).waits[name] -= 1


def status(session: str, route: Route, store: Store, settings: Settings) -> dict[str, Any]:
    """What `control_actions` promises."""
    with _guard:
        waits = [name for name, count in _of(store).waits.items() if count > 0]
    found = {"waits": f"other calls hold the {waits[0]}"} if waits else {}
    return found | (_closed(session, route, store, settings) if route.entry.paid else {})


def _closed(session: str, route: Route, store: Store, settings: Settings) -> dict[str, str]:
    """Whether a call like the last one would be refused now, and why."""
    if store.unfit:
        return {"closed": "the database cannot be used", "policy": "downgrade"}
    price = price_of(route.entry)
    if price is None:
        return {"closed": "its price is not known", "policy": "ask"}
    with _guard:
        call = _of(store).calls.get((session, route.alias), Call(0, USEFUL, 1, price))
    with store.read() as connection:
        wall = now_ms()
        try:
            moment = ledger_clock.checked(connection, wall)
        except ledger_clock.ClockBehindError:
            return {"closed": "the clock is behind", "policy": "downgrade"}
        project = admission.whereabouts(connection, session)[0]
        limits = admission.limits_at(connection, settings, moment)
        found = room(
            call,
            standing.of_limits(
                store,
                admission.applying(limits, project, route.alias),
                moment,
                zone(settings.timezone),
                session,
            ),
            patient=False,
        )
    if found.decision == "send" or found.tightest is None:
        return {}
    limit = found.tightest.limit
    return {"closed": refusals.title(limit), "policy": limit.policy}


def _of(store: Store) -> _Outlook:
    return _outlooks.setdefault(store, _Outlook())
