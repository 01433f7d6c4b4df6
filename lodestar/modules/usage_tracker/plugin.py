"""The hooks of usage_tracker."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from lodestar.exchange import Request, Route
from lodestar.hookspecs import AttemptGate, hookimpl
from lodestar.modules.usage_tracker import alerts, late, outlook
from lodestar.modules.usage_tracker.charges import sweep_orphans
from lodestar.modules.usage_tracker.comparison import compared_with
from lodestar.modules.usage_tracker.gate import attempt_gate
from lodestar.modules.usage_tracker.schema import MIGRATIONS
from lodestar.modules.usage_tracker.summary import session_lines
from lodestar.settings import Settings
from lodestar.store.migrations import MigrationSet
from lodestar.store.store import Store

if TYPE_CHECKING:
    import typer

MONEY = "Money"


@hookimpl
def register_migrations() -> MigrationSet:
    """The tables of money."""
    return MIGRATIONS


@hookimpl
def open_attempt(
    request: Request, route: Route, store: Store, settings: Settings
) -> AbstractAsyncContextManager[AttemptGate]:
    """A hold for a paid attempt, a free pass for the rest."""
    return attempt_gate(request, route, store, settings, compared_with(settings))


@hookimpl
def session_event(
    session: str, event: dict[str, Any], store: Store, settings: Settings
) -> list[Any] | None:
    """Charge what dead processes left behind; tell of limits; sum up a session at its end."""
    late.retry(store)
    if event["type"] == "tick":
        return alerts.on_tick(store, settings, session)
    if event["type"] not in ("started", "finished"):
        return None
    sweep_orphans(store)
    return session_lines(store, session) if event["type"] == "finished" else None


@hookimpl
def control_actions(settings: Settings) -> list[Any]:
    """What the status line says of money, and the commands that show more of it."""
    from lodestar.modules.usage_tracker import segments, slash

    # Apart: where the figures cannot be had, it is still said that a limit closes the model.
    return [outlook.status, segments.status, *slash.COMMANDS]


@hookimpl
def register_checks(settings: Settings) -> list[Any]:
    """Whether the ledger is right, and the part of `lodestar status` about budgets."""
    from lodestar.modules.usage_tracker.looks import looks

    return looks(settings)


@hookimpl
def register_commands(app: typer.Typer) -> None:
    """`usage`, `budget` and `data audit`; the shim has no use for them, so they come late."""
    from lodestar.modules.usage_tracker import (
        audit_command,
        budget_commands,
        dashboard_command,
        report_command,
        usage_reports,
    )

    app.add_typer(usage_reports.app, name="usage", rich_help_panel=MONEY)
    app.command("report", rich_help_panel=MONEY)(report_command.report)
    app.command("dashboard", rich_help_panel=MONEY)(dashboard_command.dashboard)
    app.add_typer(budget_commands.app, name="budget", rich_help_panel=MONEY)
    for group in app.registered_groups:
        data = group.typer_instance if group.name == "data" else None
        if data and not any(known.name == "audit" for known in data.registered_commands):
            data.command("audit")(audit_command.audit)
