"""The hooks of health_monitor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lodestar.exchange import Exchange, Route
from lodestar.hookspecs import hookimpl
from lodestar.modules.health_monitor import checks, samples
from lodestar.modules.health_monitor.schema import MIGRATIONS
from lodestar.modules.health_monitor.summary import session_line
from lodestar.store.migrations import MigrationSet
from lodestar.store.store import Store


@hookimpl
def register_migrations() -> MigrationSet:
    """The table of samples."""
    return MIGRATIONS


@hookimpl
def register_checks() -> list[checks.Check]:
    """Models whose last calls all failed."""
    return checks.checks()


@hookimpl
def exchange_finished(exchange: Exchange, store: Store) -> None:
    """Note how each attempt went."""
    samples.take(store, exchange.request.id)


@hookimpl
def order_routes(routes: Sequence[Route], store: Store) -> Sequence[Route]:
    """Put routes that keep failing behind the others; none is dropped."""
    if len(routes) < 2:
        return routes
    return sorted(routes, key=lambda route: samples.sick(store, route.alias))


@hookimpl
def session_event(session: str, event: dict[str, Any], store: Store) -> list[str] | None:
    """Say at the end what failed."""
    line = session_line(store, session) if event["type"] == "finished" else None
    return [line] if line else None
