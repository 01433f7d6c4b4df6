"""`lodestar usage`: what was used, what it cost, and what it saved."""

from __future__ import annotations

from typing import Annotated

import click
import typer
from click.shell_completion import CompletionItem
from typer.core import TyperGroup

from lodestar.cli.groups import default_completions
from lodestar.modules.usage_tracker.offered import formats, keys, periods


class _UsageGroup(TyperGroup):
    """What is no command is a period: `lodestar usage today`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = super().shell_complete(ctx, incomplete)
        return found + default_completions(self, ctx, "show", incomplete, True)


app = typer.Typer(
    cls=_UsageGroup, help="Show what was used, what it cost and what it saved. Alone: `show`."
)

Period = Annotated[
    str | None,
    typer.Argument(
        metavar="[PERIOD]",
        autocompletion=periods,
        help="today, yesterday, week, month, year or all; 2026, 2026-11 or 2026-11-24."
        " Default: week.",
    ),
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="DAY", help="First day: 2026-11-24, or 30d.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="DAY", help="Last day, included.")]
Project = Annotated[
    str | None, typer.Option("--project", metavar="FOLDER", help="Only this project.")
]
Model = Annotated[str | None, typer.Option("--model", metavar="ALIAS", help="Only this model.")]
Branch = Annotated[str | None, typer.Option("--branch", help="Only this branch.")]
Tag = Annotated[str | None, typer.Option("--tag", help="Only sessions with this tag.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
Layout = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="table, tsv, csv, md or json.",
        autocompletion=formats,
    ),
]
Fields = Annotated[
    str | None, typer.Option("--fields", metavar="A,B", help="Only these columns, in this order.")
]
NoCost = Annotated[bool, typer.Option("--no-cost", help="Leave out all that is about money.")]


@app.command("show")
def show(
    period: Period = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="A,B",
            autocompletion=keys,
            help="One row for each: day, week, month, session, project, model, alias, tier, kind,"
            " branch, tag, billing.",
        ),
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
    """Show calls, tokens and money of a period, a row for each day or whatever --by names.

    Cash is what was billed, list what it would cost by the list price, avoided what free work
    would have cost on the model it is compared with. They are never added up.

    lodestar usage month --by project,model

    lodestar usage --since 2026-11-01 --csv
    """
    from lodestar.modules.usage_tracker.reports import asking

    asked = asking.Asked(period, since, until, project, model, branch, tag)
    layout = asking.layout(json, csv, format)
    asking.show(asking.usage(asked, by), layout, fields, no_cost)
