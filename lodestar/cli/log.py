"""`lodestar log`: what was asked, what was answered, what became of it."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from lodestar.cli.groups import command_group
from lodestar.cli.output import note, print_json, print_table
from lodestar.terminal import printable

app = command_group("Read the log of everything asked and answered.", default="list")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SHORT_ID = 8
COLUMNS = (
    *("id", "time", "project", "kind", "model", "status", "in", "out", "seconds", "rating"),
    "kept",
)
BUSY_S = 300.0
COMMAND_S = 60.0


@app.command("list")
def list_(
    json: Json = False,
    project: Annotated[str | None, typer.Option(help="Name or folder of a project.")] = None,
    model: Annotated[str | None, typer.Option(help="Alias or served model.")] = None,
    since: Annotated[
        str | None, typer.Option(help="A date, a time, today, yesterday, or an age: 7d, 12h.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="As --since; a day counts whole.")] = None,
    kind: Annotated[str | None, typer.Option(help="edit, ask, commit_message, ...")] = None,
    status: Annotated[str | None, typer.Option(help="ok, error, refused, aborted, ...")] = None,
    session: Annotated[str | None, typer.Option(help="A session's id, or its end.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1)] = 50,
) -> None:
    """List exchanges, the newest first.

    Example: lodestar log --since today --model local-coder
    """
    from lodestar import log
    from lodestar.cli.opening import configuration, moment, open_store

    context = configuration()
    wanted = log.Filter(
        project=project,
        model=model,
        kind=kind,
        status=status,
        session=session.upper() if session else None,
        since=moment(context, since),
        until=moment(context, until, end=True),
        limit=limit,
    )
    with open_store(context) as store:
        rows = log.list_exchanges(store, wanted)
    if json:
        filters = {key: value for key, value in vars(wanted).items() if value is not None}
        print_json("log", rows, tz=context.settings.timezone, filters=filters)
    else:
        print_table(COLUMNS, [_line(row, context.settings.timezone) for row in rows])


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="An exchange's id, or the end of one.")] = "last",
    json: Json = False,
) -> None:
    """Print one exchange: prompt, answer, attempts, signals and ratings.

    Example: lodestar log show last
    """
    from lodestar import log
    from lodestar.cli.exchange_text import exchange_text
    from lodestar.cli.opening import configuration, open_store
    from lodestar.running import running_session

    context = configuration()
    with open_store(context) as store:
        exchange = log.show_exchange(
            store, log.find_exchange(store, id, running_session(os.environ))
        )
    if json:
        print_json("exchange", exchange)
    else:
        print(printable(exchange_text(exchange, context.settings.timezone)))


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What to look for; letter case does not matter.")],
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1)] = 20,
    json: Json = False,
) -> None:
    """Search prompts and answers for a text.

    Example: lodestar log search greet
    """
    from lodestar import log
    from lodestar.cli.opening import configuration, open_store
    from lodestar.clock import local_text

    context = configuration()
    with open_store(context) as store:
        found = log.search(store, text, limit)
    if json:
        print_json("search", found, text=text)
        return
    zone = context.settings.timezone
    rows = [
        (short(r["id"]), local_text(r["started_ms"], zone), r["role"], r["exchanges"], r["excerpt"])
        for r in found
    ]
    print_table(("id", "time", "role", "sent", "text"), rows)


@app.command()
def refresh(
    project: Annotated[
        str | None, typer.Option(help="Name or folder of a project; a new folder if it moved.")
    ] = None,
    json: Json = False,
) -> None:
    """Ask git what became of the edits: taken back, or how many lines are still there.

    Each session does this in the background for its own project.

    Example: lodestar log refresh --project .
    """
    from lodestar.cli.opening import configuration, open_store
    from lodestar.outcomes.known import roots_of
    from lodestar.outcomes.refresh import Pace
    from lodestar.outcomes.refresh import refresh as look_again

    context = configuration()
    with open_store(context) as store:
        roots = roots_of(store, project)
        reports = look_again(store, context.home, roots, Pace(BUSY_S, COMMAND_S))
    if json:
        print_json("refresh", [vars(report) for report in reports])
        return
    columns = ("project", "looked at", "measured", "reverted", "unknown", "left", "why")
    print_table(columns, [tuple(vars(report).values()) for report in reports])
    if any(report.left for report in reports):
        note("some are left for the next time: lodestar log refresh")


def short(id: str) -> str:
    """The end of an id: the part that differs between neighbours."""
    return id[-SHORT_ID:].lower()


def _line(row: dict[str, Any], zone: str | None) -> tuple[Any, ...]:
    from lodestar.clock import local_text

    duration = row["duration_ms"]
    return (
        short(row["id"]),
        local_text(row["started_ms"], zone),
        row["project"],
        row["kind"],
        row["served_alias"] or row["requested_alias"],
        row["status"],
        row["input_tokens"],
        row["output_tokens"],
        None if duration is None else f"{duration / 1000:.1f}",
        row["rating"],
        None if row["kept"] is None else f"{row['kept']}%",
    )
