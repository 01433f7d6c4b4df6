"""`lodestar dashboard`: what is used and spent, live."""

from __future__ import annotations

from typing import Annotated

import typer

from lodestar.errors import UsageError
from lodestar.modules.usage_tracker.offered import dashboard_periods, tabs

Tab = Annotated[
    str | None,
    typer.Argument(
        metavar="[TAB]",
        autocompletion=tabs,
        help="now, budgets, models, projects, trends or quality. Default: now.",
    ),
]
Filter = Annotated[
    str, typer.Option("--filter", metavar="NAME", help="Only this project, model, branch or tag.")
]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="With --web. 0: any free one.")]
NoBrowser = Annotated[
    bool, typer.Option("--no-browser", help="With --web: print the link, open nothing.")
]


def dashboard(
    tab: Tab = None,
    once: Annotated[
        bool, typer.Option("--once", help="Print the tab as plain text and leave.")
    ] = False,
    period: Annotated[
        str,
        typer.Option(
            "--period", autocompletion=dashboard_periods, help="today, week, month, year or all."
        ),
    ] = "week",
    filter: Filter = "",
    web: Annotated[bool, typer.Option("--web", help="Serve a page to a browser instead.")] = False,
    port: Port = 0,
    no_browser: NoBrowser = False,
) -> None:
    """Show sessions, budgets, models, projects, trends and quality, live from the ledger.

    The keys stand in the last line; q leaves. Without a terminal it prints one tab and leaves.

    lodestar dashboard budgets

    lodestar dashboard --once models --period month
    """
    if web:
        if once or tab or filter:
            raise UsageError("--web shows all on one page", "", "leave out the rest")
        from lodestar.modules.usage_tracker.reports.web import serve_page

        serve_page(open_browser=not no_browser, port=port)
        return
    if port or no_browser:
        raise UsageError("--port and --no-browser belong to --web", "", "add --web")
    _on_terminal(tab, once, period, filter)


def _on_terminal(tab: str | None, once: bool, period: str, filter: str) -> None:
    import os

    from lodestar.cli.opening import configuration
    from lodestar.modules.usage_tracker.dashboard.once import (
        can_draw,
        period_word,
        print_once,
        tab_of,
    )
    from lodestar.modules.usage_tracker.dashboard.view import Asked

    name, asked = tab_of(tab), Asked(period_word(period), filter)
    context = configuration()
    if once or not can_draw(os.environ):
        print_once(context, name, asked)
        return
    from lodestar.modules.usage_tracker.dashboard.app import run

    code = run(context, name, asked)
    if code:
        raise typer.Exit(code)
