"""`lodestar usage why`, `models`, `projects`, `compare` and `reconcile`."""

from __future__ import annotations

from typing import Annotated

import typer

from lodestar.modules.usage_tracker.offered import model_keys
from lodestar.modules.usage_tracker.usage_command import (
    Branch,
    Csv,
    Fields,
    Json,
    Layout,
    Model,
    NoCost,
    Period,
    Project,
    Since,
    Tag,
    Until,
    app,
)

__all__ = ["app"]
DIFFERS = 1


@app.command("why")
def why(
    period: Period = None,
    by_reason: Annotated[
        bool, typer.Option("--by-reason", help="One row a reason instead of one a call.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only the newest so many calls.")
    ] = None,
    since: Since = None,
    until: Until = None,
    project: Project = None,
    model: Model = None,
    branch: Branch = None,
    tag: Tag = None,
    json: Json = False,
    csv: Csv = False,
    format: Layout = None,
    fields: Fields = None,
    no_cost: NoCost = False,
) -> None:
    """Why did I pay? Every paid call with its reason, its cost and what became of the answer.

    `At most` is what was set aside before the call.

    lodestar usage why month --by-reason
    """
    from lodestar.modules.usage_tracker.reports import asking
    from lodestar.modules.usage_tracker.reports.paid_calls import reasons_sheet, why_sheet

    layout = asking.layout(json, csv, format)
    with asking.reading(asking.Asked(period, since, until, project, model, branch, tag)) as found:
        if by_reason:
            sheet = reasons_sheet(found.connection, found.wanted)
        else:
            sheet = why_sheet(found.connection, found.wanted, found.names, limit)
    asking.show(sheet, layout, fields, no_cost)


@app.command("models")
def models(
    period: Period = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="A,B",
            autocompletion=model_keys,
            help="One row for each: alias, model, kind.",
        ),
    ] = "alias,kind",
    since: Since = None,
    until: Until = None,
    project: Project = None,
    model: Model = None,
    branch: Branch = None,
    tag: Tag = None,
    json: Json = False,
    csv: Csv = False,
    format: Layout = None,
    fields: Fields = None,
    no_cost: NoCost = False,
) -> None:
    """Show what each model cost, how much of its work was kept, and how fast it was.

    `$/kept` is the cash of all its calls for each change that still stands; p50 and p95 are
    seconds until the answer was whole, First until it began.

    lodestar usage models month --by alias
    """
    from lodestar.modules.usage_tracker.reports import asking
    from lodestar.modules.usage_tracker.reports.by_model import BY, models_sheet

    layout = asking.layout(json, csv, format)
    asked = asking.Asked(period, since, until, project, model, branch, tag)
    with asking.reading(asked, asking.keys(by, BY)) as found:
        sheet = models_sheet(found.connection, found.wanted)
    asking.show(sheet, layout, fields, no_cost)


@app.command("projects")
def projects(
    period: Period = None,
    tags: Annotated[
        bool, typer.Option("--tags", help="One row for each tag of a project.")
    ] = False,
    since: Since = None,
    until: Until = None,
    model: Model = None,
    tag: Tag = None,
    json: Json = False,
    csv: Csv = False,
    format: Layout = None,
    fields: Fields = None,
    no_cost: NoCost = False,
) -> None:
    """Show what each project used and its share of the cash, the dearest first: to charge it on.

    lodestar usage projects 2026-10 --tags --csv
    """
    from lodestar.modules.usage_tracker.reports import asking
    from lodestar.modules.usage_tracker.reports.by_project import projects_sheet

    layout = asking.layout(json, csv, format)
    with asking.reading(asking.Asked(period, since, until, None, model, None, tag)) as found:
        sheet = projects_sheet(found.connection, found.wanted, found.names, tags)
    asking.show(sheet, layout, fields, no_cost)


@app.command("compare")
def compare(
    one: Annotated[str, typer.Argument(metavar="A", help="A model's alias.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    period: Period = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Only such calls, such as edit.")
    ] = None,
    since: Since = None,
    until: Until = None,
    project: Project = None,
    tag: Tag = None,
    json: Json = False,
    csv: Csv = False,
    format: Layout = None,
    fields: Fields = None,
    no_cost: NoCost = False,
) -> None:
    """Put two models side by side, and say where the numbers are too few to tell.

    lodestar usage compare local-coder claude-sonnet month --kind edit
    """
    from lodestar.errors import UsageError
    from lodestar.modules.usage_tracker.reports import asking
    from lodestar.modules.usage_tracker.reports.comparing import compare_sheet

    layout = asking.layout(json, csv, format)
    with asking.reading(asking.Asked(period, since, until, project, None, None, tag)) as found:
        where = found.context, found.connection
        aliases = asking.alias_of(*where, one), asking.alias_of(*where, other)
        if aliases[0] == aliases[1]:
            raise UsageError(f"`{one}` and `{other}` are one model", "", "name two")
        wanted = asking.only(found.wanted, kind=asking.kind_of(kind))
        sheet = compare_sheet(found.connection, wanted, aliases)
    asking.show(sheet, layout, fields, no_cost)


@app.command("reconcile")
def reconcile(
    provider: Annotated[
        str, typer.Option("--provider", metavar="NAME", help="Who billed: anthropic, openai ...")
    ],
    invoice: Annotated[
        str, typer.Option("--invoice", metavar="USD", help="The sum of the bill: 12.34.")
    ],
    period: Period = None,
    within: Annotated[
        float, typer.Option("--within", min=0, max=100, help="Percent that they may differ.")
    ] = 2.0,
    since: Since = None,
    until: Until = None,
    json: Json = False,
    csv: Csv = False,
    format: Layout = None,
    fields: Fields = None,
) -> int:
    """Put a provider's bill beside the ledger, this month's if no period is named.

    Exit code 1 where they differ by more than 2 % of the bill. Nothing is changed; single
    charges are corrected with `lodestar budget reconcile`.

    lodestar usage reconcile --provider anthropic --invoice 12.34 2026-10
    """
    from lodestar.modules.usage_tracker.budget_input import parse_amount
    from lodestar.modules.usage_tracker.reports import asking
    from lodestar.modules.usage_tracker.reports.invoice import Bill, invoice_sheet

    layout = asking.layout(json, csv, format)
    bill = Bill(provider, parse_amount(invoice, False), within / 100)
    word = period or (None if since or until else "month")
    with asking.reading(asking.Asked(word, since, until)) as found:
        sheet, agrees = invoice_sheet(found.connection, found.wanted, found.context.catalog, bill)
    asking.show(sheet, layout, fields, False)
    return 0 if agrees else DIFFERS
