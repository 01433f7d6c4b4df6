"""`lodestar data merge`: what another machine exported, and what was kept apart here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lodestar.cli.output import note
from lodestar.errors import LodestarError

if TYPE_CHECKING:
    from lodestar.imports.files import Reader
    from lodestar.imports.taking import Found
    from lodestar.loading import Context
    from lodestar.store.store import Store

NAMED = 5
LEFT_OUT = 1


def merge(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="An export of another machine, or a stand-in; default: all stand-ins in the home."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Of an export: say what would come; write nothing.")
    ] = False,
) -> int:
    """Take in another machine's export, or the log of sessions that were kept apart.

    Ids and machines stay as they are, so the same file, or a later one of the same machine,
    adds only what is new. Exit code 1 where lines of it were left out.

    Example: lodestar data merge laptop.jsonl
    """
    from lodestar.cli.opening import configuration

    context = configuration()
    if file is not None and _is_text(file):
        return _merge_export(context, file, dry_run)
    _merge_stand_ins(context, file)
    return 0


def _is_text(file: Path) -> bool:
    """Whether it begins as an export does; a database does not."""
    if not file.is_file():
        return False
    from lodestar.imports.lines import opened

    with opened(file) as stream:
        return stream.read(64).lstrip().startswith(b"{")


def _merge_stand_ins(context: Context, file: Path | None) -> None:
    from lodestar.cli.opening import migration_sets, open_store
    from lodestar.store.merge import merge as take_in
    from lodestar.store.stand_in import checked, kept

    # Looked at first: what is no stand-in is not touched.
    files = [checked(file, context.home.database)] if file else kept(context.home)
    with open_store(context) as store:
        for path in files:
            count = take_in(store, path, migration_sets(context))
            note(f"{count} exchange{'' if count == 1 else 's'} taken in from {path}")
    if not files:
        note("nothing is kept apart")


def _merge_export(context: Context, file: Path, dry_run: bool) -> int:
    from lodestar.cli.data_import_text import say_found, say_odd, say_taken
    from lodestar.cli.opening import migration_sets, open_store
    from lodestar.imports.lines import Reading
    from lodestar.imports.taking import Source, Taking, look

    with open_store(context) as store:
        reader, reading = _reader(context, store, file), Reading()
        found = look(store, reader.items(reading))
        _refuse(file, found)
        say_found(file, reading, found, context.settings, None)
        say_odd(reading)
        if dry_run:
            note("nothing was written")
        else:
            taking = Taking(store, migration_sets(context), Source(reader.format, file.name))
            taking.take(reader.items(Reading()))
            say_taken(taking)
    return LEFT_OUT if reading.not_understood else 0


def _reader(context: Context, store: Store, file: Path) -> Reader:
    from lodestar.cli.data_import_text import redactor
    from lodestar.clock import now_ms
    from lodestar.imports.columns import Columns
    from lodestar.imports.exported import Target
    from lodestar.imports.files import of_export
    from lodestar.store.sessions import machine_id

    with store.read() as connection:
        columns = Columns(connection, now_ms())
    machine, text = machine_id(context.home), context.settings.log.text
    return of_export(file, Target(columns, machine, redactor(), text))


def _refuse(file: Path, found: Found) -> None:
    """Before anything is written."""
    if found.refused:
        line, why = found.refused[0]
        more = len(found.refused) - 1
        raise LodestarError(
            f"{file} was not taken in: ids in it belong to something else here",
            f"line {line}: {why}" + (f"; {more} more lines like it" if more else ""),
            "export it again; take such lines out where it was put together by hand",
        )
