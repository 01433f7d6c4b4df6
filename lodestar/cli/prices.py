"""`lodestar prices`: what paid models cost, whose the prices are, and what a list says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.groups import command_group
from lodestar.cli.output import note, print_json, print_table
from lodestar.cli.price_change import set_, undo, update
from lodestar.errors import LodestarError

if TYPE_CHECKING:
    from lodestar.loading import Context
    from lodestar.prices.comparing import Comparison
    from lodestar.prices.listing import PriceFile

app = command_group("What paid models cost, and whose the prices are.", default="list")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the paid models with their prices, in USD per million tokens, and where each is from.

    Models that cost nothing are not listed; see lodestar models list.

    Example: lodestar prices list
    """
    from lodestar.cli import price_text
    from lodestar.cli.opening import configuration

    context = configuration()
    paid = [(alias, entry) for alias, entry in context.catalog if entry.paid]
    if json:
        data = [price_text.plain(context, alias, entry) for alias, entry in paid]
        print_json("prices", data, currency="USD", per_tokens=1_000_000, bundled=_snapshot())
        return
    price_text.rows(context, paid)
    _say_snapshot()
    _say_problems(context)


@app.command()
def show(
    alias: Annotated[str, typer.Argument(help="The model.")],
    json: Json = False,
) -> None:
    """Show all parts of a model's price, where it is written, and what the bundled list has.

    Example: lodestar prices show gpt-4o
    """
    from lodestar.cli import price_text
    from lodestar.cli.opening import configuration
    from lodestar.prices.comparing import figures

    context = configuration()
    entry = context.catalog.get(alias)
    data = price_text.plain(context, alias, entry)
    listed = _bundled_price(context, alias) if entry.paid else None
    if json:
        theirs = price_text.exact(listed.found.model_dump()) if listed and listed.found else None
        print_json("price", data, currency="USD", per_tokens=1_000_000, bundled_list=theirs)
        return
    rows: list[tuple[str, Any]] = [("alias", alias), ("model", entry.model)]
    if not entry.paid:
        print_table(("name", "value"), [*rows, ("price", f"nothing ({entry.billing})")])
        return
    rows += [(name, price_text.amount(value)) for name, value in figures(entry).items()]
    rows += [(name, data[key]) for name, key in (("origin", "origin"), ("place", "place"))]
    rows += [("source", entry.price_source), ("date", entry.price_date)]
    if listed:
        rows.append(("bundled list", price_text.price_line(listed.found) or listed.why))
    print_table(("name", "value"), rows)
    note("USD per million tokens")


@app.command()
def diff(
    source: Annotated[
        str | None,
        typer.Argument(metavar="[FILE|URL]", help="A price file of litellm's. Default: bundled."),
    ] = None,
    json: Json = False,
) -> None:
    """Show where the prices in force differ from a list; nothing is changed.

    Example: lodestar prices diff ~/Downloads/model_prices_and_context_window.json
    """
    from lodestar.cli import price_text
    from lodestar.cli.opening import configuration
    from lodestar.prices.comparing import compared

    context = configuration()
    file = _file(source)
    found = compared(context.catalog, context.settings, file)
    if json:
        data = [_as_json(one) for one in found]
        print_json("prices-diff", data, list=file.source, sha256=file.sha256, date=file.date)
        return
    price_text.differences(found)
    differing = sum(bool(one.lines) for one in found)
    same = sum(one.verdict == "same" for one in found)
    note(f"{file.source}: {differing} differ, {same} are the same, {len(found)} in all")


def _file(source: str | None) -> PriceFile:
    """The named list, or the bundled one. Raises LodestarError."""
    from lodestar.cli.price_change import today
    from lodestar.prices.listing import price_file
    from lodestar.prices.source import read

    found = read(source, today()) if source else price_file()
    if found is None:
        raise LodestarError(
            "the bundled price list is missing",
            "litellm's file is not where it was installed, or cannot be read",
            "install Lodestar anew, or name a file: lodestar prices diff FILE",
        )
    return found


def _as_json(one: Comparison) -> dict[str, Any]:
    from lodestar.cli.price_text import amount

    differs = [
        {"price": name, "now": amount(before), "list": amount(after)}
        for name, before, after in one.lines
    ]
    return {"alias": one.alias, "model": one.entry.model, "verdict": one.verdict,
            "why": one.why or None, "differs": differs}  # fmt: skip


def _bundled_price(context: Context, alias: str) -> Comparison | None:
    from lodestar.prices.comparing import compared
    from lodestar.prices.listing import price_file

    file = price_file()
    found = compared(context.catalog, context.settings, file, [alias]) if file else []
    return found[0] if found else None


def _snapshot() -> dict[str, Any] | None:
    """The bundled list: its version, hash and size, and the day it was compared with the catalogue.

    None where it is missing.
    """
    from lodestar.catalog import Catalog
    from lodestar.paths import builtin_profiles
    from lodestar.prices.listing import price_file
    from lodestar.settings import Settings

    file = price_file()
    if file is None:
        return None
    built_in = (entry for _, entry in Catalog.load(Settings(), builtin_profiles()))
    days = [entry.price_date or "" for entry in built_in if entry.price_source == file.source]
    date = max(days, default=None)
    models = sum(name != "sample_spec" for name in file.models)
    return {"source": file.source, "sha256": file.sha256, "date": date, "models": models}


def _say_snapshot() -> None:
    found = _snapshot()
    if found is None:
        note("the bundled price list is missing")
        return
    day = f", looked up on {found['date']}" if found["date"] else ""
    note("USD per million tokens; all parts of one: lodestar prices show ALIAS")
    note(f"bundled list: {found['source']}, {found['models']} models{day}")


def _say_problems(context: Context) -> None:
    from lodestar.catalog import Catalog
    from lodestar.paths import builtin_profiles
    from lodestar.prices.own import unused
    from lodestar.settings import Settings

    unknown = [a for a, e in context.catalog if e.paid and None in (e.price_in, e.price_out)]
    for alias in unknown:
        note(f"{alias} has no price, so it is closed: lodestar prices set {alias} --in X --out Y")
    built_in = dict(Catalog.load(Settings(), builtin_profiles()))
    for alias in unused(context.settings, built_in):
        note(f"prices.{alias} in config.yaml is of another model than `{alias}`: it is not used")


app.command("set")(set_)
app.command()(update)
app.command()(undo)
