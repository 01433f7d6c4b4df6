"""`lodestar report`: a month on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lodestar.modules.usage_tracker.offered import periods
from lodestar.modules.usage_tracker.usage_command import Project, Since, Until


def report(
    period: Annotated[
        str | None,
        typer.Argument(
            metavar="[PERIOD]",
            autocompletion=periods,
            help="month, week, year, all; 2026-11 or 2026. Default: month.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page that opens offline; - is stdout."
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    project: Project = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """What did it cost, what did it save, is the free model good enough, who used it?

    Without --html it is printed as Markdown. The page is one file: it loads nothing, and no script
    runs in it.

    lodestar report 2026-11 --html november.html
    """
    from lodestar.modules.usage_tracker.reports import reporting

    word = period or (None if since or until else "month")
    reporting.report(word, since, until, project, html, force)
