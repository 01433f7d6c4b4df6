"""`lodestar data import`: what Aider wrote down before Lodestar was there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.output import note, print_json, print_table
from lodestar.errors import UsageError

if TYPE_CHECKING:
    from lodestar.imports.files import Reader
    from lodestar.loading import Context
    from lodestar.store.store import Store


def import_files(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            help=".aider.chat.history.md, or what aider --analytics-log wrote; none: list imports.",
        ),
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(help="The folder that they belong to; default: the one that each lies in."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come; write nothing.")
    ] = False,
    undo: Annotated[
        str | None, typer.Option(metavar="ID", help="Take an import back, with its sums.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take Aider's own files in: what was asked, and what it cost where they say so.

    All of it is marked as estimated. The same file, or a longer one, adds only what is new. It
    counts on the day on which it happened, in limits, too.

    Example: lodestar data import .aider.chat.history.md --dry-run
    """
    from lodestar.cli.opening import configuration, open_store

    if undo is not None and (files or project or dry_run):
        raise UsageError("--undo goes alone", "", "for example: lodestar data import --undo 7KQ2")
    context = configuration()
    with open_store(context) as store:
        if files:
            _import_all(context, store, files, project, dry_run, json)
        elif undo is not None:
            _undo(context, store, undo, json)
        else:
            _list(context, store, json)


def _import_all(
    context: Context,
    store: Store,
    files: Sequence[Path],
    project: Path | None,
    dry_run: bool,
    json: bool,
) -> None:
    # Looked at first: one that is none of Aider's stops the others.
    roots = [_root(file, project) for file in files]
    readers = [_reader(context, file, root) for file, root in zip(files, roots, strict=True)]
    done = [
        _import(context, store, reader, root, dry_run, json)
        for reader, root in zip(readers, roots, strict=True)
    ]
    if json:
        print_json("import", done, dry_run=dry_run)


def _root(file: Path, project: Path | None) -> Path:
    from lodestar.project import find_project

    try:
        folder = (project or file.expanduser().resolve().parent).expanduser().resolve()
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder", "", "name a folder with --project")
        return folder if project else find_project(folder).root
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"cannot read {file}", str(error), "name a file that is there") from error


def _reader(context: Context, file: Path, root: Path) -> Reader:
    from lodestar.cli.data_import_text import redactor
    from lodestar.clock import now_ms, zone
    from lodestar.imports.aider_rows import Place
    from lodestar.imports.files import of_aider
    from lodestar.store.sessions import machine_id
    from lodestar.store.text import storable

    secrets, kept = redactor(), context.settings.log.text

    def clean(text: str) -> str | None:
        return None if kept == "none" else secrets.text(storable(text))

    place = Place(root, machine_id(context.home), context.catalog, clean)
    return of_aider(file, place, zone(context.settings.timezone), now_ms())


def _import(
    context: Context, store: Store, reader: Reader, root: Path, dry_run: bool, json: bool
) -> dict[str, Any]:
    from lodestar.cli.data_import_text import as_data, say_found, say_odd, say_taken
    from lodestar.cli.opening import migration_sets
    from lodestar.imports.lines import Reading
    from lodestar.imports.taking import Source, Taking, look

    reading = Reading()
    found = look(store, reader.items(reading))
    if not json:
        say_found(reader.path, reading, found, context.settings, root)
        say_odd(reading)
    data = as_data(reader.path, reading, found, root)
    if dry_run:
        if not json:
            note("nothing was written")
        return data
    source = Source(reader.format, reader.path.name, root)
    taking = Taking(store, migration_sets(context), source)
    taking.take(reader.items(Reading()))
    if not json:
        say_taken(taking)
    return {**data, "import": taking.id if taking.exchanges else None, "taken": taking.exchanges}


def _list(context: Context, store: Store, json: bool) -> None:
    from dataclasses import asdict

    from lodestar.clock import local_text
    from lodestar.store.imported import imports

    found = imports(store)
    if json:
        print_json("imports", [asdict(one) for one in found])
        return
    zone = context.settings.timezone
    columns = ("id", "when", "format", "project", "file", "exchanges", "undone")
    print_table(
        columns,
        [
            (
                one.id[-8:],
                local_text(one.created_ms, zone),
                one.format,
                one.project,
                one.file,
                one.exchanges,
                local_text(one.undone_ms, zone) if one.undone_ms else None,
            )
            for one in found
        ],
    )
    if not found:
        note("nothing was imported yet; for example: lodestar data import .aider.chat.history.md")


def _undo(context: Context, store: Store, text: str, json: bool) -> None:
    from dataclasses import asdict

    from lodestar.cli.opening import migration_sets
    from lodestar.imports import undo as undoing

    wanted = undoing.find(store, text)
    done = undoing.undo(store, migration_sets(context), wanted)
    if json:
        print_json("import_undone", {"import": wanted.id, **asdict(done)})
        return
    note(f"undone: {done.exchanges} exchange{'' if done.exchanges == 1 else 's'} of {wanted.id}")
    if done.kept:
        note(f"{done.kept} more stay in the sums: what they were made of was purged before")
