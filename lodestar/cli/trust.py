"""`lodestar trust`: what this repository may set."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from lodestar.errors import UntrustedError, UsageError

if TYPE_CHECKING:
    from lodestar.loading import Context


def trust(
    yes: Annotated[bool, typer.Option("--yes", help="Trust without a question.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="What changed since you decided.")] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Forget your decision.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="All projects you decided about.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, ask nothing.")] = False,
) -> None:
    """Show what this repository wants to set, and trust it or not.

    It looks at .lodestar.yaml and at Aider's own files, and shows the lines that matter with what
    each would do. Trust holds for these very bytes: after any change it has to be given again.

    Example: lodestar trust --diff
    """
    from lodestar.cli import trust_pages as pages
    from lodestar.loading import load

    if sum((yes, diff, revoke, list_)) > 1:
        raise UsageError("--yes, --diff, --revoke and --list exclude each other", "", "give one")
    context = load()
    if list_:
        pages.print_list(context, json)
    elif diff:
        pages.print_diff(context, json)
    elif revoke:
        _revoke(context)
    else:
        pages.print_lines(context, json)
        if yes or not json:
            _decide(context, yes)


def _decide(context: Context, yes: bool) -> None:
    from lodestar.cli.output import note
    from lodestar.terminal import interactive
    from lodestar.trust.question import QUESTION, ask, decide

    if not any(line.counts for line in context.lines):
        note("nothing here can be trusted" if context.lines else "nothing here needs trust")
        return
    if context.standing.trusted:
        note("trusted, and unchanged since. take it back: lodestar trust --revoke")
        return
    if not yes and not interactive(os.environ):
        raise UntrustedError(
            f"{context.project.root} is not trusted",
            "there is no terminal to ask on",
            "look at the lines, then: lodestar trust --yes",
        )
    trusted = yes or ask(QUESTION)
    decide(context, "trusted" if trusted else "ignored")
    note("trusted: the lines marked + count from now on" if trusted else "ignored: no line counts")


def _revoke(context: Context) -> None:
    from lodestar.cli.output import note
    from lodestar.trust.pins import Pins

    there = Pins(context.home).revoke(context.project.root)
    note("forgotten: nothing here is trusted" if there else "there was no decision to forget")
