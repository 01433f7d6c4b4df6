"""`lodestar budget reconcile`: correct what nobody reported."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from lodestar.modules.usage_tracker.reconcile import Assumed

COLUMNS = ("id", "when", "model", "why", "charged", "now", "tokens")


def reconcile(
    charge: Annotated[
        str | None, typer.Argument(metavar="[CHARGE]", help="The end of a charge's id.")
    ] = None,
    actual: Annotated[
        str | None, typer.Option("--actual", metavar="USD", help="What the provider billed.")
    ] = None,
    tokens: Annotated[
        str | None, typer.Option("--tokens", metavar="N", help="Its tokens, for token limits.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Kept with the correction.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many to list.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what was charged without a report of the provider, or correct such a charge.

    A correction is a row of its own: what was charged stays in the ledger.

    Example: lodestar budget reconcile 7KQ2 --actual 0.0123
    """
    from lodestar.cli.opening import configuration
    from lodestar.modules.usage_tracker import reconcile as reconciling
    from lodestar.modules.usage_tracker.budget_input import parse_amount
    from lodestar.modules.usage_tracker.budget_scope import ledger

    context = configuration()
    with ledger(context) as store:
        if charge is None and actual is None:
            found = reconciling.assumed(store, limit)
        else:
            nano = _amount(charge, actual)
            counted = None if tokens is None else parse_amount(tokens, True)
            note(_done(reconciling.correct(store, str(charge), nano, reason, counted), nano))
            return
    if json:
        print_json("reconcile", [_plain(one) for one in found])
    else:
        print_table(COLUMNS, [_row(one, context.settings.timezone) for one in found])


def _amount(charge: str | None, actual: str | None) -> int:
    """The amount that was given, nano-dollars. Raises UsageError."""
    from lodestar.errors import UsageError
    from lodestar.modules.usage_tracker.budget_input import parse_amount

    if charge is None or actual is None:
        do = "lodestar budget reconcile CHARGE --actual 0.0123"
        raise UsageError("a correction needs a charge and an amount", "one of them is missing", do)
    return parse_amount(actual, False)


def _done(one: Assumed, nano: int) -> str:
    from lodestar.money import plain_dollars

    return f"{one.alias}: ${plain_dollars(one.settled)} -> ${plain_dollars(nano)}"


def _plain(one: Assumed) -> dict[str, Any]:
    from lodestar.money import plain_dollars

    amounts = {name: plain_dollars(getattr(one, name)) for name in ("charged", "settled")}
    return {**asdict(one), **amounts}


def _row(one: Assumed, zone: str | None) -> tuple[str | int, ...]:
    from lodestar.clock import local_text
    from lodestar.money import plain_dollars

    amounts = (f"${plain_dollars(one.charged)}", f"${plain_dollars(one.settled)}")
    return (
        one.id[-8:].lower(),
        local_text(one.created_ms, zone),
        one.alias,
        one.reason,
        *amounts,
        one.tokens,
    )
