"""`lodestar status`: what runs, and how it is, on one screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from lodestar import __version__
from lodestar.cli.output import print_json
from lodestar.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from lodestar.loading import Context
    from lodestar.status.snapshot import Status


def status(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds; q ends it.")
    ] = False,
) -> None:
    """Show what runs: sessions, shims, engine, models, servers, budgets, disk, database.

    `!` marks what is not well, `x` what does not work. Nothing that costs money is asked.

    Example: lodestar status --watch
    """
    from lodestar.cli.opening import configuration
    from lodestar.status import screen

    if json and watch:
        raise UsageError("--json and --watch exclude each other", "", "give one")
    context = configuration()
    with _opened(context) as found:
        if json:
            print_json("status", screen.data(found.look()))
        elif watch:
            _watch(context, found)
        else:
            for line in _frame(context, found, None):
                print(line)


@contextmanager
def _opened(context: Context) -> Iterator[Status]:
    """A database that cannot be used is part of what is shown."""
    from lodestar.cli.opening import open_store
    from lodestar.status.snapshot import Status

    with ExitStack() as closing:
        try:
            store = closing.enter_context(open_store(context))
        except LedgerError as error:
            yield Status(context, error)
            return
        yield Status(context, store)


def _frame(context: Context, found: Status, width: int | None) -> list[str]:
    from lodestar.status import screen
    from lodestar.terminal import one_line

    colours = screen.has_colours(os.environ, sys.stdout.isatty())
    settings = context.settings
    head = one_line(
        f"Lodestar {__version__}, profile {settings.profile}, model {settings.main}", width
    )
    return [head, *screen.lines(found.look(), width, colours)]


def _watch(context: Context, found: Status) -> None:
    import time

    from lodestar.status import screen, watch

    def frame(width: int | None) -> list[str]:
        lines = _frame(context, found, width)
        return [f"{time.strftime('%H:%M:%S')}  {lines[0]}"[:width], *lines[1:]]

    if sys.stdout.isatty() and not screen.is_dumb(os.environ):
        watch.on_screen(lambda width: [*frame(width), "", "q ends it"])
    else:
        watch.in_lines(frame)
