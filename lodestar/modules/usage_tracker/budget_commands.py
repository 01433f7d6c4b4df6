"""`lodestar budget`: how much paid models may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lodestar.cli.groups import command_group
from lodestar.cli.output import note
from lodestar.modules.usage_tracker.offered import ends
from lodestar.modules.usage_tracker.reconcile_command import reconcile

if TYPE_CHECKING:
    from lodestar.loading import Context
    from lodestar.modules.usage_tracker.budget_scope import Wanted
    from lodestar.modules.usage_tracker.limits import Window

app = command_group("Limit what paid models may take; free ones never stop.", default="show")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Tokens = Annotated[bool, typer.Option("--tokens", help="Amounts are paid tokens: 200k, 1.5M.")]
Project = Annotated[
    str | None, typer.Option("--project", metavar="FOLDER", help="Only for this project.")
]
Model = Annotated[str | None, typer.Option("--model", metavar="ALIAS", help="Only for this model.")]
Session = Annotated[bool, typer.Option("--session", help="The budget of each session.")]
Daily = Annotated[bool, typer.Option("--daily", help="The budget of each day.")]
Weekly = Annotated[bool, typer.Option("--weekly", help="The budget of each week.")]
Monthly = Annotated[bool, typer.Option("--monthly", help="The budget of each month.")]
Call = Annotated[
    bool, typer.Option("--call", "--ask-above", help="What one call may cost (--ask-above).")
]


@app.command("set")
def set_(
    session: Annotated[
        str | None, typer.Option("--session", metavar="X", help="Most that a session may take.")
    ] = None,
    daily: Annotated[str | None, typer.Option("--daily", metavar="X", help="Most per day.")] = None,
    weekly: Annotated[
        str | None, typer.Option("--weekly", metavar="X", help="Most per week, Monday to Sunday.")
    ] = None,
    monthly: Annotated[
        str | None, typer.Option("--monthly", metavar="X", help="Most per calendar month.")
    ] = None,
    tokens: Tokens = False,
    project: Project = None,
    model: Model = None,
    ask_above: Annotated[
        str | None,
        typer.Option("--ask-above", metavar="X", help="Refuse a call that may cost more."),
    ] = None,
    on_limit: Annotated[
        Literal["downgrade", "ask", "stop"] | None,
        typer.Option(
            "--on-limit", help="At the limit: answer for free, refuse and ask, or end the session."
        ),
    ] = None,
) -> None:
    """Set budgets in US dollars, or in paid tokens. 0 closes paid models.

    Every budget that applies must have room, and those of the configuration besides.

    lodestar budget set --session 1 --daily 2 --weekly 10 --monthly 30

    lodestar budget set --daily 0.50 --project . --model claude-sonnet --on-limit stop
    """
    from lodestar.modules.usage_tracker import budget_changes

    typed: dict[Window, str | None] = {"call": ask_above, "session": session, "day": daily}
    typed |= {"week": weekly, "month": monthly}
    wanted = _wanted(tokens, project, model)
    _say(budget_changes.set_limits(_context(), wanted, typed, on_limit))


@app.command("raise")
def raise_(
    amount: Annotated[str, typer.Argument(help="How much more, in US dollars or tokens.")],
    until: Annotated[
        str,
        typer.Option(
            autocompletion=ends,
            help="midnight, 90m, 1h, 2d, 2026-11-30 (its end) or '2026-11-30 18:00'.",
        ),
    ] = "midnight",
    reason: Annotated[str | None, typer.Option(help="Kept in the history.")] = None,
    session: Session = False,
    daily: Daily = False,
    weekly: Weekly = False,
    monthly: Monthly = False,
    call: Call = False,
    tokens: Tokens = False,
    project: Project = None,
    model: Model = None,
) -> None:
    """Raise budgets for a while; afterwards they are as before.

    Without a window all budgets are raised that are there, but not what one call may cost.

    Example: lodestar budget raise 1 --until midnight --reason "release day"
    """
    from lodestar.modules.usage_tracker import budget_changes

    windows = {"call": call, "session": session, "day": daily, "week": weekly, "month": monthly}
    wanted = _wanted(tokens, project, model, windows)
    _say(budget_changes.raise_limits(_context(), wanted, amount, until, reason))


@app.command()
def remove(
    session: Session = False,
    daily: Daily = False,
    weekly: Weekly = False,
    monthly: Monthly = False,
    call: Call = False,
    tokens: Tokens = False,
    project: Project = None,
    model: Model = None,
    all: Annotated[
        bool, typer.Option("--all", help="All of them; of one project or model where one is named.")
    ] = False,
) -> None:
    """Remove budgets, and what they were raised by.

    Example: lodestar budget remove --weekly
    """
    from lodestar.modules.usage_tracker import budget_changes

    windows = {"call": call, "session": session, "day": daily, "week": weekly, "month": monthly}
    wanted = _wanted(tokens, project, model, windows)
    _say(budget_changes.remove_limits(_context(), wanted, all))


@app.command()
def undo(
    id: Annotated[
        str | None, typer.Argument(help="A change's id from the history; the last one if left out.")
    ] = None,
) -> None:
    """Undo a change of budgets: what it replaced is in force again.

    Undoing an undo brings the change back.

    Example: lodestar budget undo
    """
    from lodestar.modules.usage_tracker import budget_changes

    _say(budget_changes.undo(_context(), id))


@app.command("clock-reset")
def clock_reset() -> None:
    """Go on after the system's clock was wrong, in the future, and has been put right.

    The ledger's clock never runs behind the newest paid call. Where the system's is more than
    26 hours behind that, paid models are refused until this command is given.

    Example: lodestar budget clock-reset
    """
    from lodestar.modules.usage_tracker import budget_changes

    _say(budget_changes.reset_clock(_context()))


@app.command()
def show(json: Json = False) -> None:
    """Print every limit in force here: spent, held, left, and when it starts anew.

    Example: lodestar budget show
    """
    from lodestar.modules.usage_tracker import budget_show

    budget_show.show(_context(), json)


@app.command()
def check(project: Project = None, model: Model = None, json: Json = False) -> int:
    """Say in one line whether paid models have room left, for scripts.

    The exit code is 0 where there is room, 3 at a limit, 7 where the ledger cannot be used.
    Without --project it is about the project of this folder.

    Example: lodestar budget check
    """
    from lodestar.modules.usage_tracker import budget_check

    return budget_check.check(_context(), _wanted(False, project, model), json)


@app.command()
def history(
    json: Json = False,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1)] = 50,
) -> None:
    """Print who changed which budget, when and why, the newest first.

    Example: lodestar budget history --limit 5
    """
    from lodestar.modules.usage_tracker import budget_history

    budget_history.show(_context(), json, limit)


@app.command()
def alerts(
    json: Json = False,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1)] = 50,
    test: Annotated[
        bool, typer.Option("--test", help="Send a sample to the desktop and your program.")
    ] = False,
) -> int:
    """Print which limits were nearly used up, or used up, the newest first.

    Each threshold is told once in a window, at the prompt of one session.

    Example: lodestar budget alerts
    """
    from lodestar.modules.usage_tracker import budget_alerts

    if test:
        return budget_alerts.test(_context(), json)
    budget_alerts.show(_context(), json, limit)
    return 0


def _context() -> Context:
    from lodestar.cli.opening import configuration

    return configuration()


def _wanted(
    tokens: bool, project: str | None, model: str | None, windows: dict[str, bool] | None = None
) -> Wanted:
    from lodestar.modules.usage_tracker.budget_scope import Wanted

    chosen = tuple(window for window, given in (windows or {}).items() if given)
    return Wanted("tokens" if tokens else "usd", chosen, project, model)  # type: ignore[arg-type]


def _say(lines: list[str]) -> None:
    for line in lines:
        note(line)


app.command("reconcile")(reconcile)
