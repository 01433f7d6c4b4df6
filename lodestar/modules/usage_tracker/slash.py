"""`/usage` and `/budget` at Aider's prompt: what was used, and what is left. They only show."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lodestar.clock import now_ms, zone
from lodestar.control import Asked, Reply, SlashCommand
from lodestar.errors import LedgerError, UsageError
from lodestar.modules.usage_tracker import ledger_clock, used, windows
from lodestar.modules.usage_tracker.budget_bars import label, limit_lines
from lodestar.modules.usage_tracker.budget_picture import Picture, picture_of_session
from lodestar.modules.usage_tracker.budget_text import amount_text
from lodestar.modules.usage_tracker.comparison import compared_with
from lodestar.modules.usage_tracker.reports.words import percent
from lodestar.modules.usage_tracker.used import Used
from lodestar.settings import Settings
from lodestar.store.store import Store
from lodestar.terminal import one_line

UNKNOWN = "unknown"
SET = "lodestar budget set --daily 2 --monthly 30"


def usage(asked: Asked) -> Reply:
    """This session and today: calls, tokens and the three figures of money."""
    _alone(asked, "usage")
    with _ledger(asked.store):
        with asked.store.read() as connection:
            moment = ledger_clock.moment(connection, now_ms())
        start, _ = windows.bounds("day", moment, zone(asked.settings.timezone))
        columns = (
            used.of_session(asked.store, asked.session),
            used.since(asked.store, start),
        )
    table = [("", "this session", "today"), *_rows(columns)]
    widths = [max(len(row[place]) for row in table) for place in range(3)]
    lines = [
        f"{row[0].ljust(widths[0])}  {row[1].rjust(widths[1])}  {row[2].rjust(widths[2])}"
        for row in table
    ]
    return Reply([*lines, *_remarks(columns, asked.settings)])


def budget(asked: Asked) -> Reply:
    """The limits that hold in this session, as bars."""
    _alone(asked, "budget")
    with _ledger(asked.store):
        seen = picture_of_session(asked.settings, asked.store, asked.session)
    here = [one for one in seen.standings if one.limit.project in (None, seen.project)]
    titles = [one_line(label(one.limit, seen.names)) for one in here]
    width = max(map(len, titles), default=0)
    lines = [
        line
        for title, one in zip(titles, here, strict=True)
        for line in limit_lines(seen, one, title.ljust(width))
    ]
    return Reply([*lines, *_notes(asked.settings, seen, bool(here))])


COMMANDS = (
    SlashCommand("usage", "Show what this session and today used, cost and avoided", usage),
    SlashCommand("budget", "Show the limits on spending and what is left of them", budget),
)


def _alone(asked: Asked, name: str) -> None:
    if asked.argument.strip():
        raise UsageError(
            f"/{name} takes nothing after it",
            "it shows what is, and changes nothing",
            f"type /{name} alone; limits are set with: !lodestar budget",
        )


@contextmanager
def _ledger(store: Store) -> Iterator[None]:
    """Raises LedgerError where the figures would be none, or somebody else's."""
    if store.unfit:
        raise store.unfit
    try:
        yield
    except sqlite3.Error as error:
        do = "try again in a moment; if it stays so: !lodestar doctor"
        raise LedgerError("the ledger cannot be read", str(error), do) from error


def _rows(columns: Sequence[Used]) -> Iterator[tuple[str, ...]]:
    def row(title: str, *values: str) -> tuple[str, ...]:
        return (title, *values)

    yield row("calls", *(f"{one.calls:,}" for one in columns))
    yield row("  free", *(_share(one.free, one.calls) for one in columns))
    yield row("tokens in", *(f"{one.input_tokens:,}" for one in columns))
    yield row("tokens out", *(f"{one.output_tokens:,}" for one in columns))
    yield row("cash", *(amount_text(one.cash_nano, "usd") for one in columns))
    yield row("list", *(_known(one.list_nano, one.calls > one.unlisted, one) for one in columns))
    avoided = (_known(one.avoided_nano, one.is_compared, one, up=False) for one in columns)
    yield row("avoided", *avoided)


def _share(part: int, whole: int) -> str:
    return percent(part / whole) if whole else "-"


def _known(nano: int, known: bool, one: Used, up: bool = True) -> str:
    if known:
        return amount_text(nano, "usd", up)
    # A day without free calls has avoided nothing; whether it would have is no question.
    return UNKNOWN if one.calls and one.free else "-"


def _remarks(columns: Sequence[Used], settings: Settings) -> Iterator[str]:
    """What the figures are, as far as it is not plain."""
    mine, today = columns
    if mine.guessed:
        yield f"the tokens of {mine.guessed} of this session's calls are estimated"
    if today.assumed_nano:
        amount = amount_text(today.assumed_nano, "usd")
        yield f"{amount} of today's cash is a worst case: no usage was reported for it"
    if today.calls:
        yield "cash: what you pay. list: the same calls at list prices, where there is one."
        against = compared_with(settings)
        if against:
            yield f"avoided: what the free calls would have cost at the prices of {against[0]}."
        else:
            yield "avoided: what the free calls would have cost; no model is set to compare with."


def _notes(settings: Settings, seen: Picture, limited: bool) -> Iterator[str]:
    if settings.limits.free_only:
        yield "free only: paid models are closed (limits.free_only)"
    if seen.behind:
        yield "the system's clock is more than a day behind the last paid call, so paid models"
        yield "are refused; set the clock, or where it is right now: !lodestar budget clock-reset"
    if not limited:
        yield f"no limit is set on what paid models may take; set one: !{SET}"
