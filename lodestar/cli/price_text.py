"""What the commands about prices print, for people and for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from lodestar.cli.output import note, print_table

if TYPE_CHECKING:
    from lodestar.loading import Context
    from lodestar.prices.comparing import Comparison
    from lodestar.settings import ModelEntry, OwnPrice

WIDE = 150
NARROW = ("alias", "input", "output", "cache read", "cache write", "origin", "date")
SCREEN = ("alias", "model", *NARROW[1:-1], "source", "date")


def amount(value: Decimal | int | None) -> str | None:
    """A price or a number of tokens, to its last digit."""
    return None if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def place(context: Context, alias: str) -> str:
    """Where the price of an alias is written: `file:line`, or that it is built in."""
    section = "models" if alias in context.settings.models else "prices"
    return context.origins.get(f"{section}.{alias}.price_in", "built in")


def plain(context: Context, alias: str, entry: ModelEntry) -> dict[str, Any]:
    """An alias and its price, under the names of config.yaml; prices as decimal text."""
    from lodestar.prices.comparing import origin
    from lodestar.prices.own import OF_THE_PRICE

    fields = entry.model_dump(include={"model", "billing", "tier", *OF_THE_PRICE})
    whose = origin(alias, entry, context.settings) if entry.paid else None
    return {"alias": alias, **exact(fields), "origin": whose, "place": place(context, alias)}


def exact(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with prices as decimal text, without superfluous zeros."""
    return {name: _exact(value) for name, value in values.items()}


def _exact(value: Any) -> Any:
    if isinstance(value, Mapping):
        return exact(value)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def rows(context: Context, entries: Iterable[tuple[str, ModelEntry]]) -> None:
    """Print the prices as a table; all columns where nobody looks, fewer on a screen."""
    from lodestar.prices.comparing import figure_names, figures, origin

    names = figure_names()
    columns = ["alias", "model", *names, "origin", "place", "source", "date"]
    lines = []
    for alias, entry in entries:
        known = figures(entry)
        whose = origin(alias, entry, context.settings)
        cells = [amount(known.get(name)) for name in names]
        last = (whose, place(context, alias), entry.price_source, entry.price_date)
        lines.append([alias, entry.model, *cells, *last])
    if sys.stdout.isatty():
        shown = SCREEN if get_terminal_size().columns >= WIDE else NARROW
        chosen = [columns.index(name) for name in shown]
        columns, lines = [columns[n] for n in chosen], [[row[n] for n in chosen] for row in lines]
    print_table(columns, lines)


def differences(found: Sequence[Comparison]) -> None:
    """Print what differs, a line for each part of a price."""
    lines = [
        (one.alias, name, amount(before), amount(after), _change(before, after), _what(one))
        for one in found
        for name, before, after in one.lines
    ]
    if lines:
        print_table(("alias", "price", "now", "list", "change", ""), lines)
    for one in found:
        if one.verdict in ("changed", "same"):
            continue
        how = f"; to take it, name {one.alias}" if one.found else ""
        note(f"{one.alias}: stays as it is: {one.why}{how}")


def price_line(price: ModelEntry | OwnPrice | None) -> str:
    """All parts of a price on a line."""
    from lodestar.prices.comparing import figures

    return ", ".join(f"{name} {amount(value)}" for name, value in figures(price).items())


def _change(before: Decimal | int | None, after: Decimal | int | None) -> str | None:
    if before is None or after is None:
        return "new" if before is None else "gone"
    if not before:
        return None
    return f"{(Decimal(after) / Decimal(before) - 1) * 100:+.1f} %"


def _what(one: Comparison) -> str:
    return "" if one.verdict == "changed" else f"kept ({one.verdict})"
