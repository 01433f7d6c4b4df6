"""`lodestar data`: the database, its backups, and what leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lodestar.cli.data_delete import forget, purge
from lodestar.cli.data_export import export
from lodestar.cli.data_import import import_files
from lodestar.cli.data_merge import merge
from lodestar.cli.groups import command_group
from lodestar.cli.output import agreed, note, print_json, print_table
from lodestar.errors import UsageError

if TYPE_CHECKING:
    from lodestar.loading import Context
    from lodestar.store.restore import Plan

app = command_group("The database: its state, backups, and what is deleted from it.", "status")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


@app.command()
def status(json: Json = False) -> int:
    """Show how the database stands; nothing is changed.

    The exit code is 7 where it cannot be used for money.

    Example: lodestar data status
    """
    from lodestar.cli.data_text import status_rows
    from lodestar.cli.opening import configuration, migration_sets
    from lodestar.store.status import status as look

    context = configuration()
    found = look(context.home, migration_sets(context))
    keep = context.settings.retention.model_dump()
    if json:
        print_json("data", {**found, "retention": keep})
    else:
        print_table(("what", "value"), status_rows(found, keep, context.settings.timezone))
    return 0 if found["usable"] else 7


@app.command()
def backup() -> None:
    """Back the database up now, and check the copy. A session does it once a day by itself.

    Example: lodestar data backup
    """
    from lodestar.cli.opening import configuration, open_store
    from lodestar.clock import zone
    from lodestar.store import backup as backups
    from lodestar.store.daily import only_one

    context = configuration()
    with open_store(context) as store, only_one(context.home, 60):
        target = backups.today(context.home, zone(context.settings.timezone))
        backups.back_up(store.path, target)
        backups.prune(context.home, context.settings.retention.backups)
    print(target)


@app.command()
def restore(
    source: Annotated[
        Path | None, typer.Option("--from", help="A backup, or another database of Lodestar.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Put the database back: the newest sound backup, and what the journal knows beyond it.

    The files of before are moved aside, never deleted. No session may be running.

    Example: lodestar data restore
    """
    from lodestar.cli.data_text import lost_lines
    from lodestar.cli.opening import configuration, migration_sets
    from lodestar.store import restore as restoring

    context = configuration()
    wanted = restoring.plan(context.home, source)
    for line in _restore_lines(context, wanted):
        note(line)
    agreed("Restore it?", yes)
    done = restoring.restore(context.home, wanted, migration_sets(context))
    note(f"restored; {_rows(done.replayed)} of the journal put back")
    if done.lost:
        note(f"{_rows(done.lost)} could not be put back, as what they refer to is lost")
    for line in lost_lines(done.exchanges, context.settings.timezone):
        note(line)
    _tell_aside(done.aside)


@app.command()
def reset(
    accept: Annotated[
        bool, typer.Option("--accept", help="What was spent until now is forgotten: agreed.")
    ] = False,
) -> None:
    """Begin a new, empty database, knowingly: limits start from zero.

    The files of before are moved aside, backups stay. No session may be running.

    Example: lodestar data reset --accept
    """
    from lodestar.cli.opening import configuration, migration_sets
    from lodestar.store import restore as restoring

    if not accept:
        raise UsageError(
            "a new database forgets what was spent",
            "limits would start from zero",
            "lodestar data restore takes a backup; to begin anew: lodestar data reset --accept",
        )
    context = configuration()
    done = restoring.reset(context.home, migration_sets(context))
    note("a new database was begun")
    _tell_aside(done.aside)


app.command()(merge)
app.command("import")(import_files)
app.command()(purge)
app.command()(forget)
app.command()(export)


def _restore_lines(context: Context, wanted: Plan) -> list[str]:
    from lodestar.clock import local_text

    zone = context.settings.timezone
    taken = f", taken {local_text(wanted.taken_ms, zone)}" if wanted.taken_ms else ""
    lines = [f"damaged, passed over: {path}" for path in wanted.bad]
    lines += [f"from: {wanted.source or 'nothing: there is no sound backup'}{taken}"]
    lines += [f"journal: {_rows(len(wanted.entries))} to look at"]
    if wanted.skipped:
        lines += [f"journal: {wanted.skipped} torn or damaged lines are left out"]
    return [*lines, f"to: {context.home.database}; the files there now are moved aside"]


def _tell_aside(path: Path | None) -> None:
    if path:
        note(f"the files of before are {path}*")


def _rows(count: int) -> str:
    return f"{count} row" + ("" if count == 1 else "s")
