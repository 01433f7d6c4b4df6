"""`lodestar prices set|update|undo`: other prices from now on; what was charged stays charged."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from lodestar.cli.output import agreed, note
from lodestar.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from lodestar.loading import Context
    from lodestar.prices.comparing import Comparison
    from lodestar.settings import ModelEntry, OwnPrice

FROM_NOW = "sessions that run keep their prices, and what was charged stays as it is"
In = Annotated[str | None, typer.Option("--in", help="USD per million input tokens.")]
Out = Annotated[str | None, typer.Option("--out", help="USD per million output tokens.")]
CacheRead = Annotated[
    str | None, typer.Option("--cache-read", help="USD per million read from the cache.")
]
CacheWrite = Annotated[
    str | None, typer.Option("--cache-write", help="USD per million written to the cache.")
]
LongIn = Annotated[
    str | None, typer.Option("--long-in", help="The same as --in, for long prompts.")
]
LongOut = Annotated[
    str | None, typer.Option("--long-out", help="The same as --out, for long prompts.")
]
BuiltIn = Annotated[
    bool, typer.Option("--built-in", help="Take your price away: the built-in one again.")
]
Source = Annotated[
    str | None,
    typer.Argument(metavar="FILE|URL", help="litellm's price file, on your disk or https://."),
]
Aliases = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ALIAS]...", help="Only these, also where the price is your own or doubtful."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def set_(
    alias: Annotated[str, typer.Argument(help="A paid model.")],
    price_in: In = None,
    price_out: Out = None,
    cache_read: CacheRead = None,
    cache_write: CacheWrite = None,
    long_in: LongIn = None,
    long_out: LongOut = None,
    built_in: BuiltIn = False,
    yes: Yes = False,
) -> None:
    """Set the price of a model, from now on; what you do not name stays where that is safe.

    With another price of input, those of cached input count as unknown unless you give them, too,
    and long prompts are refused where the price has gone up.

    Example: lodestar prices set gpt-4o --in 2.5 --out 10 --cache-read 1.25
    """
    typed = {
        "price_in": ("--in", price_in),
        "price_out": ("--out", price_out),
        "price_cache_read": ("--cache-read", cache_read),
        "price_cache_write": ("--cache-write", cache_write),
        "long_in": ("--long-in", long_in),
        "long_out": ("--long-out", long_out),
    }
    given = {
        name: _dollars(option, text) for name, (option, text) in typed.items() if text is not None
    }
    if built_in == bool(given):
        what = "the built-in price, or yours?" if built_in else "nothing to change"
        raise UsageError(what, "", f"lodestar prices set {alias} --in USD --out USD")
    if built_in:
        _built_in_again(alias)
    else:
        _set(alias, given, yes)


def update(
    source: Source = None,
    aliases: Aliases = None,
    yes: Yes = False,
) -> None:
    """Take prices from a price file of litellm's: what differs is shown first, and you are asked.

    Prices that you set yourself stay, and so do those that are doubtful, unless you name the
    model. Nothing but the address you give is asked.

    Example: lodestar prices update ~/Downloads/model_prices_and_context_window.json
    """
    from lodestar.cli import price_text
    from lodestar.cli.opening import configuration
    from lodestar.prices.comparing import compared
    from lodestar.prices.source import LITELLM, read

    if source is None:
        raise UsageError("which price file?", "", f"lodestar prices update {LITELLM}")
    context = configuration()
    for alias in aliases or ():
        _paid(context, alias)
    file = read(source, today())
    found = compared(context.catalog, context.settings, file, aliases or ())
    price_text.differences(found)
    taken = [one for one in found if one.taken]
    if taken:
        agreed(f"Take {_count(taken)} from {file.source}, of {file.date}?", yes)
        _write(context, {one.alias: one.found for one in taken}, f"update from {file.source}")
        note(f"took {_count(taken)}; back: lodestar prices undo")
        note(FROM_NOW)
    else:
        note(f"{file.source}: nothing to take")
    if aliases and any(one.found is None for one in found):
        raise typer.Exit(1)


def undo() -> None:
    """Take back the last `set` or `update`; again for the one before.

    It is refused where one of those prices has been changed in another way since.

    Example: lodestar prices undo
    """
    from lodestar.paths import lodestar_home
    from lodestar.prices import changing

    note(f"taken back: {changing.undo(lodestar_home())}")


def today() -> date:
    """The day on which prices are looked up, UTC."""
    from datetime import datetime, timezone

    return datetime.now(timezone.utc).date()


def _set(alias: str, given: dict[str, Decimal], yes: bool) -> None:
    from lodestar.cli.opening import configuration
    from lodestar.cli.price_text import price_line
    from lodestar.prices.comparing import far_apart
    from lodestar.prices.setting import stated

    context = configuration()
    entry = _paid(context, alias)
    price, notes = stated(alias, entry, given, today().isoformat())
    if far := far_apart(entry, price):
        agreed(f"{alias}: {far} USD per million tokens. Is that right?", yes)
    _write(context, {alias: price}, f"set {alias}")
    note(f"{alias}: {price_line(price)}; USD per million tokens")
    for line in notes:
        note(f"note: {line}")
    note(FROM_NOW)


def _built_in_again(alias: str) -> None:
    from lodestar.cli.opening import configuration
    from lodestar.cli.price_text import price_line

    context = configuration()
    context.catalog.get(alias)
    if alias not in context.settings.prices and alias not in context.settings.models:
        note(f"{alias} has its built-in price")
        return
    _write(context, {alias: None}, f"built-in price of {alias}")
    note(f"{alias}: {price_line(configuration().catalog.get(alias))}; USD per million tokens")


def _paid(context: Context, alias: str) -> ModelEntry:
    """The entry of a paid alias. Raises UsageError."""
    entry = context.catalog.get(alias)
    if alias not in dict(context.catalog):
        raise UsageError(f"`{alias}` is no model of its own", "", "name the alias it stands for")
    if not entry.paid:
        do = f"where it costs something: lodestar models edit {alias} --price-in X --price-out Y"
        raise UsageError(f"`{alias}` costs nothing, so it has no price", "", do)
    return entry


def _write(context: Context, prices: dict[str, OwnPrice | None], what: str) -> None:
    from lodestar.prices import changing

    changing.write(context, prices, what)


def _dollars(option: str, text: str) -> Decimal:
    try:
        return Decimal(text.strip().removeprefix("$"))
    except InvalidOperation as error:
        why = "it must be USD per million tokens, such as 0.15"
        raise UsageError(f"{option} {text} is not a number", why) from error


def _count(taken: list[Comparison]) -> str:
    changed = sum(one.verdict == "changed" for one in taken)
    parts = [f"{changed} changed"] if changed else []
    if changed < len(taken):
        parts.append(f"{len(taken) - changed} as they are, with their day")
    prices = "1 price" if len(taken) == 1 else f"{len(taken)} prices"
    return f"{prices} ({', '.join(parts)})"
