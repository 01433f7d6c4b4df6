"""The hooks of health_monitor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lodestar.clock import now_ms
from lodestar.exchange import Exchange, Route
from lodestar.hookspecs import hookimpl
from lodestar.modules.health_monitor.samples import DAY_MS
from lodestar.modules.health_monitor.schema import MIGRATIONS
from lodestar.modules.health_monitor.summary import session_line
from lodestar.settings import Settings
from lodestar.store.migrations import MigrationSet
from lodestar.store.store import Store

if TYPE_CHECKING:
    from lodestar.modules.health_monitor.monitor import Monitor


@hookimpl
def register_migrations() -> MigrationSet:
    """The table of samples."""
    return MIGRATIONS


@hookimpl
def register_checks(settings: Settings) -> Sequence[Any]:
    """What fails, what does not answer and what is full; and the parts of `lodestar status`."""
    from lodestar.modules.health_monitor import checks, status_parts

    return [*checks.checks(settings), *status_parts.parts(settings)]


@hookimpl
def exchange_finished(exchange: Exchange, store: Store, settings: Settings) -> None:
    """Note how each attempt went."""
    _monitor(store, settings).finished(exchange)


@hookimpl
def order_routes(routes: Sequence[Route], store: Store, settings: Settings) -> Sequence[Route]:
    """Put routes that keep failing behind the others; none is dropped."""
    return _monitor(store, settings).order(routes)


@hookimpl
def session_event(
    session: str, event: dict[str, Any], store: Store, settings: Settings
) -> list[Any] | None:
    """Look around on a tick and tell what is new; say at the end what failed."""
    if event["type"] == "started":
        # Before the first request: the past is read once.
        _monitor(store, settings)
    elif event["type"] == "tick":
        return _monitor(store, settings).tick(store, session) or None
    elif event["type"] == "finished":
        _monitor(store, settings).catch_up(store, now_ms() - DAY_MS, session)
        line = session_line(store, session)
        return [line] if line else None
    return None


def _monitor(store: Store, settings: Settings) -> Monitor:
    """Most commands load this module and need none of it."""
    from lodestar.modules.health_monitor.monitor import monitor_of

    return monitor_of(store, settings)
