"""The hooks of usage_tracker."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from lodestar.exchange import Request, Route
from lodestar.hookspecs import AttemptGate, hookimpl
from lodestar.modules.usage_tracker.charges import sweep_orphans
from lodestar.modules.usage_tracker.gate import attempt_gate
from lodestar.modules.usage_tracker.schema import MIGRATIONS
from lodestar.modules.usage_tracker.summary import session_lines
from lodestar.store.migrations import MigrationSet
from lodestar.store.store import Store


@hookimpl
def register_migrations() -> MigrationSet:
    """The tables of money."""
    return MIGRATIONS


@hookimpl
def open_attempt(
    request: Request, route: Route, store: Store
) -> AbstractAsyncContextManager[AttemptGate]:
    """A hold for a paid attempt, a free pass for the rest."""
    return attempt_gate(request, route, store)


@hookimpl
def session_event(session: str, event: dict[str, Any], store: Store) -> list[str] | None:
    """Charge what dead processes left behind; sum up a session at its end."""
    if event["type"] not in ("started", "finished"):
        return None
    sweep_orphans(store)
    return session_lines(store, session) if event["type"] == "finished" else None
