"""Admission: a hold is placed only where every limit has room for its worst case."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lodestar.clock import now_ms, zone
from lodestar.exchange import Request, Route
from lodestar.modules.usage_tracker import (
    budgets,
    charges,
    holds,
    late,
    ledger_clock,
    refusals,
    standing,
)
from lodestar.modules.usage_tracker.holds import Hold
from lodestar.modules.usage_tracker.limits import Limit, from_settings
from lodestar.modules.usage_tracker.room import Call, room
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.settings import Settings
from lodestar.store.riding import passenger
from lodestar.store.store import Store


@dataclass(frozen=True)
class Admitted:
    """A placed hold; `tightest` is the limit that lowered its cap, if one did."""

    hold: Hold
    tightest: Standing | None


def admit(
    store: Store,
    settings: Settings,
    request: Request,
    route: Route,
    call: Call,
    patient: bool,
    placed: Callable[[Hold], object] = lambda _: None,
) -> Admitted | Standing:
    """Check the limits and place the hold, in one transaction.

    `placed` is told of the hold as soon as it is committed, also where an error follows. Where
    only other calls' holds are in the way, the limit to wait for is returned. Raises Refused.
    """
    if store.unfit:
        raise refusals.unfit(store.unfit)
    late.retry(store)
    charges.sweep_orphans(store)
    rider = passenger()
    wall = now_ms()
    with store.write() as connection:
        moment = _moment(store, connection, wall)
        place = counted_for(connection, request.session)
        limits = applying(limits_at(connection, settings, moment), place[0], route.alias)
        standings = standing.of_limits(
            store, limits, moment, zone(settings.timezone), request.session
        )
        found = room(call, standings, patient)
        if found.decision == "wait" and found.tightest:
            return found.tightest
        if found.decision == "refuse" and found.tightest:
            raise refusals.over(found.tightest, route, call, settings)
        ledger_clock.advance(connection, wall)
        sized = replace(call, max_output=found.cap)
        hold = holds.place(connection, request, route, sized, moment, place)
        store.after_commit(partial(placed, hold))
        rider.board(store)
    return Admitted(hold, found.tightest)


def _moment(store: Store, connection: sqlite3.Connection, wall: int) -> int:
    # Again: the transaction itself notices a database that was exchanged in place.
    if store.unfit:
        raise refusals.unfit(store.unfit)
    try:
        return ledger_clock.checked(connection, wall)
    except ledger_clock.ClockBehindError:
        raise refusals.clock_behind() from None


def all_limits(store: Store, settings: Settings) -> list[Limit]:
    """Every limit that is in force now: of the settings and of `lodestar budget`."""
    with store.read() as connection:
        return limits_at(connection, settings, ledger_clock.moment(connection, now_ms()))


def applying(limits: Sequence[Limit], project: str | None, alias: str) -> list[Limit]:
    """Those of the limits that a call of this project and model counts against."""
    return [
        limit
        for limit in limits
        if limit.project in (None, project) and limit.alias in (None, alias)
    ]


def limits_at(connection: sqlite3.Connection, settings: Settings, moment: int) -> list[Limit]:
    """Every limit that is in force at a moment of the ledger's clock."""
    own = budgets.active(connection, moment, settings.limits.on_limit)
    return [*from_settings(settings.limits), *own]


def whereabouts(
    connection: sqlite3.Connection, session: str | None
) -> tuple[str | None, str | None]:
    """The project and the branch of a session."""
    project, branch, _ = counted_for(connection, session)
    return project, branch


def counted_for(
    connection: sqlite3.Connection, session: str | None
) -> tuple[str | None, str | None, str | None]:
    """What a session's calls count for: project, branch and tag."""
    row = connection.execute(
        "SELECT project_id, branch, tag FROM sessions WHERE id = ?", (session,)
    ).fetchone()
    return (row["project_id"], row["branch"], row["tag"]) if row else (None, None, None)
