"""`lodestar models test`: one small real request per model, through the whole path."""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.output import note, print_json, print_table
from lodestar.errors import NoModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lodestar.loading import Context
    from lodestar.settings import ModelEntry
    from lodestar.supervisor.trial import Trial

COLUMNS = ("alias", "where", "reachable", "first token", "tokens/s", "cost", "why")
NOT_TRIED = "not tried: it costs money; say --paid"
Models = list[tuple[str, "ModelEntry"]]


def check(
    alias: Annotated[str | None, typer.Argument(metavar="[ALIAS]", help="Only this one.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Paid models as well.")] = False,
    free: Annotated[bool, typer.Option("--free", help="The free ones, which is usual.")] = False,
    paid: Annotated[
        bool, typer.Option("--paid", help="Requests that cost money may be sent.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send each model one small request, through keys, budgets and log as in a session.

    Nothing that costs money is sent without --paid or your yes; what it may cost is said first.
    Exit code 5 where no model answers.

    Example: lodestar models test local-coder
    """
    from lodestar.cli.opening import configuration
    from lodestar.local_models import settled

    if [bool(alias), everything, free].count(True) > 1:
        raise UsageError("name an alias, or say --all or --free", "more than one was given")
    context = settled(configuration())
    chosen = _chosen(context, alias, everything)
    allowed = paid or _agreed([m for m in chosen if m[1].paid], named=alias is not None)
    tried = [(name, entry) for name, entry in chosen if allowed or not entry.paid]
    results = _try(_without_fallbacks(context, tried), tried, allowed)
    if json:
        print_json("model-tests", [_plain(n, e, results.get(n)) for n, e in chosen])
    else:
        print_table(COLUMNS, [_row(n, e, results.get(n)) for n, e in chosen])
    if not any(result.reachable for result in results.values()):
        why = next((result.why for result in results.values()), "none was tried")
        raise NoModelError("no model answered", why, "see what is wrong: lodestar doctor")


def _chosen(context: Context, alias: str | None, everything: bool) -> Models:
    from lodestar.routing import AUTO

    if alias == AUTO:
        why = "it stands for whichever model should answer"
        raise UsageError(f"`{AUTO}` is no model", why, "name one, or say --all")
    if alias:
        return [(context.catalog.plain(alias), context.catalog.get(alias))]
    return [(name, entry) for name, entry in context.catalog if everything or not entry.paid]


def _agreed(models: Models, named: bool) -> bool:
    """Whether these, which cost money, may be tried. Raises UsageError for a named one."""
    from lodestar.terminal import interactive

    if not models:
        return False
    most = _together(entry for _, entry in models)
    names = ", ".join(alias for alias, _ in models)
    if interactive(os.environ):
        question = f"{names}: one small request each may cost {most} together. Send them?"
        if typer.confirm(question, err=True):
            return True
        if named:
            raise typer.Exit(1)
    elif named:
        why = f"`{names}` costs money ({most} at most), and nobody can be asked"
        raise UsageError("nothing was sent", why, "add --paid")
    return False


def _together(entries: Iterable[ModelEntry]) -> str:
    from lodestar.supervisor.trial import at_most

    amounts = [at_most(entry) for entry in entries]
    return _dollars(sum((amount for amount in amounts if amount), Decimal(0)))


def _without_fallbacks(context: Context, models: Models) -> Context:
    """Each model for itself: what another one answers says nothing of it, and may cost money."""
    from lodestar.local_models import LocalModels

    local = context.local or LocalModels()
    alone = {alias: entry.model_copy(update={"fallbacks": []}) for alias, entry in models}
    return replace(context, local=replace(local, entries={**local.entries, **alone}))


def _try(context: Context, models: Models, paid: bool) -> dict[str, Trial]:
    from lodestar.supervisor.passing_shim import passing_shim
    from lodestar.supervisor.trial import try_model

    results = {}
    if models:
        flags = {} if paid else {"limits.free_only": True}
        with passing_shim(context, flags) as served:
            for alias, entry in models:
                note(f"{alias} ...")
                results[alias] = try_model(served, alias, entry)
    return results


def _row(alias: str, entry: ModelEntry, result: Trial | None) -> Sequence[Any]:
    from lodestar.cli.model_list import where

    if result is None:
        return (alias, where(entry), "-", "", "", "", NOT_TRIED)
    first = "" if result.first_token_s is None else f"{result.first_token_s:.2f} s"
    speed = "" if result.tokens_per_s is None else f"{result.tokens_per_s:.0f}"
    reachable = "yes" if result.reachable else "no"
    return (alias, where(entry), reachable, first, speed, _cost(entry, result), result.why)


def _cost(entry: ModelEntry, result: Trial) -> str:
    if not result.reachable:
        return ""
    if not entry.paid:
        return "free"
    return "unknown" if result.cost_usd is None else _dollars(result.cost_usd)


def _dollars(amount: Decimal) -> str:
    """To a hundredth of a cent, never less than it is."""
    return f"${amount.quantize(Decimal('0.0001'), 'ROUND_CEILING'):f}"


def _plain(alias: str, entry: ModelEntry, result: Trial | None) -> dict[str, Any]:
    from dataclasses import asdict

    from lodestar.cli.model_list import where

    start = {"alias": alias, "where": where(entry), "paid": entry.paid, "tried": bool(result)}
    return {**start, **(asdict(result) if result else {"reachable": None, "why": NOT_TRIED})}
