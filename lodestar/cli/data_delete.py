"""`lodestar data purge` and `forget`: what is deleted, here and in the backups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lodestar.cli.output import agreed, note, print_table

if TYPE_CHECKING:
    from lodestar.loading import Context
    from lodestar.store.migrations import Purge

Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def purge(
    older_than: Annotated[str, typer.Option("--older-than", help="An age: 90d, 12h.")],
    text_only: Annotated[
        bool, typer.Option("--text-only", help="Delete the words and keep the counts.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go; delete nothing.")
    ] = False,
) -> None:
    """Delete what is older: from the database, its backups and the journal.

    Roll-ups and budgets stay. Sessions may go on meanwhile.

    Example: lodestar data purge --older-than 90d
    """
    from lodestar.cli.opening import configuration
    from lodestar.clock import now_ms
    from lodestar.durations import parse_duration
    from lodestar.store.migrations import Purge

    context = configuration()
    before = now_ms() - parse_duration(older_than) * 1000
    _purge(context, Purge(before_ms=before, text_only=text_only), dry_run)


def forget(
    project: Annotated[str, typer.Option("--project", help="Its folder, or its name.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go; delete nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Delete all of one project: texts, rows, Aider's histories, also in backups.

    Roll-ups keep its sums under a number. None of its sessions may be running.

    Example: lodestar data forget --project ~/work/old
    """
    from lodestar.cli.opening import configuration, open_store
    from lodestar.store.forget import find_project, remove_histories
    from lodestar.store.migrations import Purge

    context = configuration()
    with open_store(context) as store:
        found = find_project(store, project)
    if not dry_run:
        note(f"all of {found.root} will be deleted: texts, rows, histories, also in backups")
        agreed("Forget it?", yes)
    _purge(context, Purge(project=found.id), dry_run)
    if not dry_run:
        remove_histories(context.home, found)


def _purge(context: Context, wanted: Purge, dry_run: bool) -> None:
    from lodestar.cli.opening import migration_sets, open_store
    from lodestar.store import purge as purging
    from lodestar.store.daily import only_one

    sets = migration_sets(context)
    with open_store(context) as store, only_one(context.home, 60):
        counts = purging.preview(store.path, context.home.root, sets, wanted)
        if not dry_run:
            purging.purge(store, sets, wanted)
            purging.purge_journal(context.home, wanted)
            purging.purge_backups(context.home, sets, wanted)
    print_table(("table", "rows"), counts.items())
    if dry_run:
        note("nothing was deleted")
        return
    note("deleted here and in the backups; the file keeps its size and uses the room again")
    _tell_left(context)


def _tell_left(context: Context) -> None:
    """Files that hold what they held: nobody but the user says that they may go."""
    from lodestar.store.restore import aside
    from lodestar.store.stand_in import kept

    for path in (*kept(context.home), *aside(context.home)):
        note(f"not touched: {path}; it may hold the same, delete it if you do not need it")
