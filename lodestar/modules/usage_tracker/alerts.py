"""Telling the user in time that a limit is being used up."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from weakref import WeakKeyDictionary

from lodestar.clock import now_ms, zone
from lodestar.modules.usage_tracker import (
    alert_delivery,
    alert_log,
    alert_text,
    budgets,
    ledger_clock,
    pace,
    standing,
)
from lodestar.modules.usage_tracker.alert_log import Alert
from lodestar.modules.usage_tracker.alert_settings import AlertSettings, alert_settings
from lodestar.modules.usage_tracker.limits import from_settings
from lodestar.modules.usage_tracker.projection import Projection, project
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.settings import Settings
from lodestar.store import state
from lodestar.store.store import Store

log = logging.getLogger("lodestar.usage_tracker")
WARN_FROM = 80
_seen: WeakKeyDictionary[Store, Seen] = WeakKeyDictionary()


@dataclass(frozen=True)
class Seen:
    """The ledger as it was looked at: nothing is due until it changes or a window ends."""

    settings: Settings
    session: str
    sequence: int | None
    from_ms: int
    until_ms: int

    def holds(self, settings: Settings, session: str, sequence: int | None, now: int) -> bool:
        """Whether a look would show the same again."""
        same = (self.session, self.sequence) == (session, sequence)
        return same and self.settings is settings and self.from_ms <= now < self.until_ms


@dataclass(frozen=True)
class Look:
    """One look at the ledger for a session: its limits, and where and when that was."""

    now: int
    zone: tzinfo | None
    session: str
    project: str | None
    ends_ms: int | None
    """When the session's time is up, as far as that can be told by the clock on the wall."""
    started_ms: int
    standings: Sequence[Standing]
    until_ms: int


def on_tick(store: Store, settings: Settings, session: str) -> list[dict[str, str]]:
    """The notices that are due, each once for all sessions of the user.

    Where nothing was spent or changed since the last tick that costs two small queries.
    """
    chosen = alert_settings(settings)
    if not chosen.thresholds or store.unfit:
        return []
    with store.read() as connection:
        now, sequence = ledger_clock.moment(connection, now_ms()), state.sequence(connection)
        seen = _seen.get(store)
        if seen and seen.holds(settings, session, sequence, now):
            return []
        look = _look(store, connection, settings, session, now)
        due = any(_due(connection, look, chosen))
    # After the reading: a writer that waits for his turn must not keep the connection.
    fresh = _fresh(store, look, chosen) if due else []
    _seen[store] = Seen(settings, session, sequence, now, look.until_ms)
    for alert, one in fresh:
        _tell(store, chosen, look, alert, one)
    notices = {alert.text: _notice(alert, one, look) for alert, one in fresh}
    return list(notices.values())


def _look(
    store: Store, connection: sqlite3.Connection, settings: Settings, session: str, now: int
) -> Look:
    here = zone(settings.timezone)
    sql = "SELECT project_id, started_ms, session_minutes FROM sessions WHERE id = ?"
    project, started, minutes = connection.execute(sql, (session,)).fetchone() or (None, now, None)
    own = budgets.active(connection, now, settings.limits.on_limit)
    standings = standing.of_limits(
        store,
        [
            limit
            for limit in (*from_settings(settings.limits), *own)
            if limit.window != "call" and limit.amount and limit.project in (None, project)
        ],
        now,
        here,
        session,
    )
    # A session that does not count sleep ends later than the clock on the wall can tell.
    length = minutes if settings.limits.count_suspend else None
    return Look(
        now=now,
        zone=here,
        session=session,
        project=project,
        ends_ms=started + length * 60_000 if length else None,
        started_ms=started,
        standings=standings,
        until_ms=min(_changes(connection, standings, now)),
    )


def _changes(
    connection: sqlite3.Connection, standings: Sequence[Standing], now: int
) -> Iterator[int]:
    """The moments at which limits change by themselves."""
    yield now + 86_400_000
    yield from (one.end_ms for one in standings if one.end_ms)
    sql = "SELECT min(until_ms) FROM budgets WHERE active = 1 AND until_ms > ?"
    (first,) = connection.execute(sql, (now,)).fetchone()
    if first:
        yield first


def _fresh(store: Store, look: Look, chosen: AlertSettings) -> list[tuple[Alert, Standing]]:
    """The alerts that this process is the first to write down."""
    found = []
    with store.write() as writing:
        # Looked at again: another session may have been quicker.
        for one, key, due in list(_due(writing, look, chosen)):
            alert = _alert(store, look, one, key, due[-1])
            alert_log.add(writing, alert, due[:-1])
            found.append((alert, one))
    # The most urgent one last: it is next to the prompt, and its title stays.
    return sorted(found, key=lambda pair: pair[0].threshold)


def _due(
    connection: sqlite3.Connection, look: Look, chosen: AlertSettings
) -> Iterator[tuple[Standing, str, list[int]]]:
    """The limits with thresholds that are passed and were not told of."""
    for one in look.standings:
        key = alert_log.key_of(one.limit, look.session)
        told = alert_log.told(connection, key, one.start_ms or 0)
        due = alert_log.due(one, chosen.thresholds, told)
        if due:
            yield one, key, due


def _alert(store: Store, look: Look, one: Standing, key: str, threshold: int) -> Alert:
    found = _projection(store, look, one)
    return Alert(
        key=key,
        window_start_ms=one.start_ms or 0,
        threshold=threshold,
        unit=one.limit.unit,
        spent=one.spent,
        amount=one.limit.amount,
        projected=found.at_end if found else None,
        session=look.session,
        text=alert_text.sentence(one, threshold, found, look.now, look.zone),
        created_ms=now_ms(),
        project=look.project,
    )


def _projection(store: Store, look: Look, one: Standing) -> Projection | None:
    limit, rest = one.limit, (look.now, look.zone)
    if one.start_ms is not None and one.end_ms is not None:
        spent = pace.of_window(store, limit, one.start_ms)
        return project(limit.window, limit.amount, spent, (one.start_ms, one.end_ms), *rest)
    if look.ends_ms is None:
        return None
    spent = pace.of_session(store, limit, look.session)
    return project(limit.window, limit.amount, spent, (look.started_ms, look.ends_ms), *rest)


def _notice(alert: Alert, one: Standing, look: Look) -> dict[str, str]:
    level = "warn" if alert.threshold >= WARN_FROM else "info"
    title = alert_text.title(one, alert.threshold, look.now, look.zone)
    return {"text": alert.text, "level": level, "title": title}


def _tell(store: Store, chosen: AlertSettings, look: Look, alert: Alert, one: Standing) -> None:
    """The ways that lead past the prompt: the log, the desktop, the user's program."""
    level = logging.WARNING if alert.threshold >= WARN_FROM else logging.INFO
    log.log(level, "alert: %s", alert.text)
    if chosen.desktop or chosen.command:
        root = store.row("SELECT root FROM projects WHERE id = ?", (look.project,))
        where: dict[str, Any] = {"session": look.session, "project": root["root"] if root else None}
        alert_delivery.start(chosen, {**alert_text.plain(alert, one, look.zone), **where})
