"""`lodestar dashboard --once`: one tab, printed."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping

from lodestar.errors import LedgerError, UsageError
from lodestar.loading import Context
from lodestar.modules.usage_tracker.dashboard import plain
from lodestar.modules.usage_tracker.dashboard.reading import Reading
from lodestar.modules.usage_tracker.dashboard.tabs import PERIODS, TABS
from lodestar.modules.usage_tracker.dashboard.view import Asked
from lodestar.status.screen import is_dumb
from lodestar.terminal import interactive

LONG_S = 600.0
AGAIN_S = 0.2
PATIENCE_S = 5.0
"""So long a database that is busy is asked again."""


def can_draw(environ: Mapping[str, str]) -> bool:
    """Whether there is a terminal to draw on, and somebody who looks at it."""
    return interactive(environ) and sys.stdout.isatty() and not is_dumb(environ)


def tab_of(name: str | None) -> str:
    """The tab of that name, or of the beginning of one. Raises UsageError."""
    word = (name or "now").strip().lower()
    found = [tab for tab in TABS if word and tab.startswith(word)]
    if len(found) != 1:
        raise UsageError(f"there is no tab `{name}`", "", f"use {', '.join(TABS)}")
    return found[0]


def period_word(name: str) -> str:
    """A period that the dashboard can show. Raises UsageError."""
    if name not in PERIODS:
        raise UsageError(f"`{name}` is no period here", "", f"use {', '.join(PERIODS)}")
    return name


def print_once(context: Context, tab: str, asked: Asked) -> None:
    """Print a tab as it is now. Raises UsageError, LedgerError."""
    terminal = sys.stdout.isatty()
    reading = Reading(context, ascii=True)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                reading.count(tab, asked, LONG_S)
                page = reading.page(tab, asked)
                break
            except LedgerError as error:
                if "lock" not in error.why or time.monotonic() > deadline:
                    raise
                time.sleep(AGAIN_S)
    finally:
        reading.close()
    for line in plain.lines(page, shutil.get_terminal_size().columns if terminal else None):
        print(line)  # noqa: T201
