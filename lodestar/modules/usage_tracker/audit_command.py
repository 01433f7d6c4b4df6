"""`lodestar data audit`: is every sum of the ledger right?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lodestar.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from lodestar.modules.usage_tracker.audit import Audit

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
BROKEN = 1


def audit(
    repair: Annotated[
        bool, typer.Option("--repair", help="Count the roll-ups anew where they differ.")
    ] = False,
    json: Json = False,
) -> int:
    """Count every sum of the ledger again; exit code 1 where one differs by a nano-dollar.

    Example: lodestar data audit
    """
    from lodestar.cli.opening import configuration
    from lodestar.modules.usage_tracker import audit as auditing
    from lodestar.modules.usage_tracker.budget_scope import ledger

    with ledger(configuration()) as store:
        changed = auditing.repair(store) if repair else None
        found = auditing.audit(store)
    if json:
        print_json("audit", {**asdict(found), "repaired": changed})
    else:
        _say(found, changed)
    return BROKEN if found.findings else 0


def _say(found: Audit, changed: int | None) -> None:
    from lodestar.money import plain_dollars

    if changed is not None:
        note(f"{changed} rows of the roll-ups were wrong and are counted anew")
    sums = (f"${plain_dollars(found.cash_nano)}", f"${plain_dollars(found.rollup_nano)}")
    columns = ("charges", "holds", "cash", "in the roll-ups")
    print_table(columns, [(found.charges, found.holds, *sums)])
    for one in found.findings:
        note(f"broken: {one.rule}: {one.count}, for example {one.example}")
    if not found.findings:
        note("all sums match, to the nano-dollar")
    elif changed is None:
        note("do: lodestar data audit --repair counts the roll-ups anew; if that is not enough,")
        note("    lodestar data restore takes the last backup")
