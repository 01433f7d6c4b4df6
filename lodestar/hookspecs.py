"""The whole extension surface: eight hooks. A ninth needs a decision record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    import typer

    from lodestar.control import ControlAction
    from lodestar.exchange import Exchange, Outcome, Request, Route
    from lodestar.settings import Settings
    from lodestar.store.migrations import MigrationSet
    from lodestar.store.store import Store

hookspec = pluggy.HookspecMarker("lodestar")
hookimpl = pluggy.HookimplMarker("lodestar")


class Refused(Exception):  # noqa: N818 (a decision, not a fault)
    """A gate's no. `policy` is downgrade, ask or stop; `remedy` tells the user what to do.

    `details` are what a program wants to know of a limit: `limit`, `spent` and `held` as decimal
    strings (USD) or whole numbers (tokens), `unit`, `resets_at` (ISO 8601) or None.
    """

    def __init__(
        self,
        message: str,
        policy: str,
        limit_source: str,
        remedy: str,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.policy = policy
        self.limit_source = limit_source
        self.remedy = remedy
        self.details = dict(details or {})


class AttemptGate(Protocol):
    """What `open_attempt` yields for one upstream attempt."""

    max_output: int | None
    """The output cap to send, tokens; None leaves the request's own."""
    notices: Sequence[str]
    """Lines for the user about this attempt, such as a cap that was lowered or a wait."""

    def progress(self, received: int) -> bool:
        """Told the bytes received so far; False stops the stream."""

    def finish(self, outcome: Outcome) -> None:
        """Settle, whatever happened. Called in a worker thread, within a transaction of core's
        where the exchange ended well; called again only where all that it wrote was undone.
        """


@hookspec
def register_commands(app: typer.Typer, settings: Settings) -> None:
    """Add commands to the command line."""


@hookspec
def register_migrations() -> MigrationSet:
    """Return the module's own migration set."""


@hookspec
def register_checks(settings: Settings) -> Sequence[Any]:
    """Return what `lodestar doctor` and `lodestar status` look at, in one sequence.

    For the doctor: (subject, function of the store) that returns None, a problem in one line, a
    `lodestar.doctor.check.Problem`, or several. For the status: `lodestar.status.part.Part`.
    """


@hookspec
def order_routes(
    request: Request, routes: Sequence[Route], store: Store, settings: Settings
) -> Sequence[Route]:
    """Drop or reorder the routes of a request; each module sees what the last one left."""


@hookspec
def open_attempt(
    request: Request, route: Route, store: Store, settings: Settings
) -> AbstractAsyncContextManager[AttemptGate]:
    """Guard one upstream attempt; raises Refused."""


@hookspec
def exchange_finished(exchange: Exchange, store: Store, settings: Settings) -> None:
    """Observe a recorded exchange."""


@hookspec
def session_event(session: str, event: dict[str, Any], store: Store, settings: Settings) -> Any:
    """Observe a session: event["type"] is started, outcome, tick, notice or finished.

    For `finished` a module may return lines for the summary. `tick` comes after each finished
    exchange, and at least each minute: what a module returns then, a list of
    {"text", "level": "info" | "warn", "title"}, is shown to the user as notices; the title, which
    may be left out, becomes that of the terminal. `notice` carries each notice once it is shown.
    """


@hookspec
def control_actions(settings: Settings) -> Sequence[ControlAction]:
    """Return what Aider's prompt gets: slash commands and status questions; the shim serves both.

    A slash command is a lodestar.control.SlashCommand. A status question is a
    function(session, route, store, settings), called by itself in a worker thread each second.
    `route` is where the user's next message goes.
    It returns a mapping with those of these keys that hold: `waits`, why a request waits just now;
    `closed`, why a paid route is closed to the next message, and with it `policy` (downgrade: it is
    answered for free; ask, stop: it is refused); `parts`, a list of texts for the line, the most
    important first: a narrow terminal leaves out the last ones.
    """
