"""All limits in force, where they are from and how much of them is used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from lodestar.clock import now_ms, zone
from lodestar.loading import Context
from lodestar.modules.usage_tracker import budgets, ledger_clock, standing
from lodestar.modules.usage_tracker.admission import limits_at, whereabouts
from lodestar.modules.usage_tracker.budget_log import Entry, Key
from lodestar.modules.usage_tracker.budget_scope import project_here, project_names
from lodestar.modules.usage_tracker.budget_text import exact_amount, iso
from lodestar.modules.usage_tracker.limits import WINDOWS, Limit
from lodestar.modules.usage_tracker.standing import Standing
from lodestar.running import running_session
from lodestar.settings import Limits, Settings
from lodestar.store.processes import runs
from lodestar.store.reader import Reader
from lodestar.store.sessions import boot_id, limits_of
from lodestar.store.store import Store


@dataclass(frozen=True)
class Picture:
    """The limits at one moment of the ledger's clock.

    `session` is the one that runs in this folder's project, whose spending session limits are
    compared with; `behind` says that the system's clock is too far behind the ledger's.
    """

    now: int
    zone: tzinfo | None
    session: str | None
    project: str | None
    behind: bool
    standings: Sequence[Standing]
    raises: Sequence[Entry]
    names: Mapping[str, str]
    origins: Mapping[str, str]
    """Where each key of the settings was set: here, or by the flags of the session."""

    def raises_of(self, limit: Limit) -> list[Entry]:
        """What a limit is raised by now."""
        key = Key(limit.window, limit.unit, limit.project, limit.alias)
        own = limit.source == budgets.SOURCE
        return [entry for entry in self.raises if own and entry.key == key]


def picture(context: Context, store: Store) -> Picture:
    """Look at the ledger. It is one transaction, so that the figures belong together."""
    with store.write() as connection:
        return picture_within(context, store, connection)


def picture_within(context: Context, store: Reader, connection: sqlite3.Connection) -> Picture:
    """The same within the caller's transaction, which may be one that only reads."""
    project = project_here(store, context)
    session = _running(store, project)
    own = limits_of(store, session)
    settings = context.settings
    settings = settings.model_copy(update={"limits": _merged(settings.limits, own)})
    seen = _seen(store, connection, settings, session, project)
    return replace(seen, origins={**context.origins, **seen.origins})


def picture_of_session(settings: Settings, store: Store, session: str) -> Picture:
    """What holds in a session, as its own shim sees it. Nothing is locked for it."""
    with store.read() as connection:
        project, _ = whereabouts(connection, session)
        return _seen(store, connection, settings, session, project)


def _seen(
    store: Reader,
    connection: sqlite3.Connection,
    settings: Settings,
    session: str | None,
    project: str | None,
) -> Picture:
    here, wall = zone(settings.timezone), now_ms()
    now = ledger_clock.moment(connection, wall)
    found = sorted(limits_at(connection, settings, now), key=_place)
    own = limits_of(store, session)
    return Picture(
        now=now,
        zone=here,
        session=session,
        project=project,
        behind=wall < now - ledger_clock.MOST_BEHIND_MS,
        standings=standing.of_limits(store, found, now, here, session),
        raises=budgets.raises(connection, now),
        names=project_names(store),
        origins={f"limits.{name}": origin for name, (_, origin) in own.items()},
    )


def origin(seen: Picture, limit: Limit) -> str:
    """Where a limit was set."""
    if limit.source == budgets.SOURCE:
        return "lodestar budget"
    return seen.origins.get(limit.source, "default")


def percent(one: Standing) -> int:
    """How much of a limit is spent, rounded down, so that 100 means all of it."""
    return one.spent * 100 // one.limit.amount if one.limit.amount else 100


def plain(seen: Picture, one: Standing) -> dict[str, Any]:
    """A limit for programs."""
    limit, unit = one.limit, one.limit.unit
    return {
        "window": limit.window,
        "unit": unit,
        "project": seen.names.get(limit.project) if limit.project else None,
        "model": limit.alias,
        "limit": exact_amount(limit.amount, unit),
        "spent": exact_amount(one.spent, unit),
        "held": exact_amount(one.held, unit),
        "remaining": exact_amount(one.remaining, unit),
        "percent": percent(one),
        "resets_at": iso(one.end_ms, seen.zone) if one.end_ms else None,
        "on_limit": limit.policy,
        "source": limit.source,
        "origin": origin(seen, limit),
        "raises": [
            {
                "amount": exact_amount(entry.amount or 0, unit),
                "until": iso(entry.until_ms or 0, seen.zone),
                "reason": entry.reason,
                "who": entry.who,
            }
            for entry in seen.raises_of(limit)
        ],
    }


def _merged(limits: Limits, own: Mapping[str, tuple[Any, str]]) -> Limits:
    """What holds in the session that runs: what it was started with, else what is set here."""
    known = {name: value for name, (value, _) in own.items() if name in Limits.model_fields}
    return Limits.model_validate({**limits.model_dump(), **known})


def _running(store: Reader, project: str | None) -> str | None:
    """The session that this command runs in, else the newest of the project that is alive."""
    rows = store.rows(
        "SELECT id, pid FROM sessions WHERE ended_ms IS NULL AND project_id = ? AND boot_id = ?"
        " ORDER BY id = ? DESC, started_ms DESC",
        (project, boot_id(), running_session(os.environ)),
    )
    return next((row["id"] for row in rows if row["pid"] and runs(row["pid"])), None)


def _place(limit: Limit) -> tuple[int, str, str, str, bool]:
    scope = (limit.project or "", limit.alias or "")
    return WINDOWS.index(limit.window), limit.unit, *scope, limit.source != budgets.SOURCE
