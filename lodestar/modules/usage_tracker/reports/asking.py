"""From what was typed to a sheet: the options that all reports share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import get_args

from lodestar.clock import now_ms, zone
from lodestar.errors import UsageError
from lodestar.exchange import Kind
from lodestar.loading import Context
from lodestar.modules.usage_tracker.budget_scope import Wanted as Named
from lodestar.modules.usage_tracker.budget_scope import ledger, scope_of
from lodestar.modules.usage_tracker.reports import printing
from lodestar.modules.usage_tracker.reports.period import Period, period_of
from lodestar.modules.usage_tracker.reports.printing import Format
from lodestar.modules.usage_tracker.reports.quality import quality
from lodestar.modules.usage_tracker.reports.sheet import Sheet
from lodestar.modules.usage_tracker.reports.usage import BY, TIMES, Wanted
from lodestar.modules.usage_tracker.reports.usage import usage as groups_of
from lodestar.modules.usage_tracker.reports.usage_sheet import usage_sheet


@dataclass(frozen=True)
class Asked:
    """The period and the filters as they were typed."""

    period: str | None = None
    since: str | None = None
    until: str | None = None
    project: str | None = None
    model: str | None = None
    branch: str | None = None
    tag: str | None = None


@dataclass(frozen=True)
class Reading:
    """An open ledger, what is counted in it, and how keys are called."""

    context: Context
    connection: sqlite3.Connection
    wanted: Wanted
    names: Mapping[str, Mapping[str | int, str]]


@contextmanager
def reading(asked: Asked, by: tuple[str, ...] = ()) -> Iterator[Reading]:
    """The ledger, for one report. Raises UsageError, LedgerError."""
    context = _context()
    with ledger(context) as store, store.read() as connection:
        wanted = wanted_of(context, connection, asked, by)
        yield Reading(context, connection, wanted, names(connection))


def usage(asked: Asked, by: str | None) -> Sheet:
    """The sheet of `lodestar usage`. Raises UsageError, LedgerError."""
    with reading(asked, _by(by)) as found:
        groups = groups_of(found.connection, found.wanted)
        said = quality(found.connection, found.wanted)
        return usage_sheet(found.wanted, groups, said, found.names)


def wanted_of(
    context: Context, connection: sqlite3.Connection, asked: Asked, by: tuple[str, ...]
) -> Wanted:
    """What a report counts. Raises UsageError."""
    alias = asked.model and alias_of(context, connection, asked.model)
    chosen = {
        "project": scope_of(context, connection, Named(project=asked.project)).project,
        "alias": alias,
        "branch": asked.branch,
        "tag": asked.tag,
    }
    only = {name: value for name, value in chosen.items() if value is not None}
    return Wanted(period(context, asked), by, only)


def alias_of(context: Context, connection: sqlite3.Connection, name: str) -> str:
    """The alias that is meant: one of the catalogue, or one that was used when it was in it.

    Raises UsageError.
    """
    plain = context.catalog.plain(name)
    used = connection.execute("SELECT 1 FROM rollup WHERE alias = ? LIMIT 1", (plain,)).fetchone()
    if not used:
        context.catalog.get(name)
    return plain


def period(context: Context, asked: Asked) -> Period:
    """The period, in the user's time zone. Raises UsageError."""
    where = zone(context.settings.timezone)
    return period_of(asked.period, asked.since, asked.until, now_ms(), where)


def names(connection: sqlite3.Connection) -> Mapping[str, Mapping[str | int, str]]:
    """How projects are called: by their folder's name, and by all of it where two have the same."""
    rows = connection.execute("SELECT id, root, name FROM projects").fetchall()
    called: dict[str, int] = {}
    for row in rows:
        called[row["name"]] = called.get(row["name"], 0) + 1
    return {
        "project": {
            row["id"]: row["name"] if called[row["name"]] == 1 else row["root"] for row in rows
        }
    }


def layout(json: bool, csv: bool, format: str | None) -> Format:
    """How to print. Raises UsageError where that is said twice, or is nothing we know."""
    said = [name for name, on in (("json", json), ("csv", csv), (format, format)) if on]
    if len(set(said)) > 1:
        raise UsageError(f"print it as {said[0]} or as {said[1]}?", "", "leave one out")
    wanted = said[0] if said else "table"
    for known in get_args(Format):
        if known == wanted:
            return known  # type: ignore[no-any-return]
    raise UsageError(f"`{wanted}` is no format", "", f"use {', '.join(get_args(Format))}")


def show(sheet: Sheet, layout: Format, fields: str | None, no_cost: bool) -> None:
    """Print the columns that are wanted. Raises UsageError."""
    if no_cost:
        sheet = sheet.without_money()
    if fields is not None:
        sheet = sheet.only([name.strip() for name in fields.split(",") if name.strip()])
    elif layout in ("table", "md"):
        sheet = sheet.only([column.name for column in sheet.columns if not column.spare])
    printing.show(sheet, layout)


def keys(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """The names of a list with commas. Raises UsageError for one that is not known, or is there
    twice."""
    wanted = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in wanted if name not in known]
    if unknown:
        do = f"use {', '.join(known)}"
        raise UsageError(f"there is nothing like `{unknown[0]}` to sort usage by", "", do)
    if len(set(wanted)) < len(wanted) or not wanted:
        raise UsageError(f"`--by {text}` cannot be used", "it needs each name once", "")
    return wanted


def kind_of(name: str | None) -> str | None:
    """A kind of call, as it was typed. Raises UsageError."""
    if name is None or name in get_args(Kind):
        return name
    raise UsageError(f"there are no calls of kind `{name}`", "", f"use {', '.join(get_args(Kind))}")


def only(wanted: Wanted, **chosen: str | None) -> Wanted:
    """With more filters; None is none."""
    more = {name: value for name, value in chosen.items() if value is not None}
    return replace(wanted, only={**wanted.only, **more})


def _by(text: str | None) -> tuple[str, ...]:
    wanted = keys(text or "day", BY)
    if len([name for name in wanted if name in TIMES]) > 1:
        raise UsageError(f"`--by {text}` names a time twice", "", "use one of day, week, month")
    if "session" in wanted and len(wanted) > 1:
        raise UsageError("`session` stands alone", "a session has one project and one day", "")
    return wanted


def _context() -> Context:
    from lodestar.cli.opening import configuration

    return configuration()
