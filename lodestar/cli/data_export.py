"""`lodestar data export`: the log as lines for other programs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from lodestar.cli.output import note, size_text
from lodestar.errors import LodestarError, UsageError


def export(
    since: Annotated[
        str | None, typer.Option(help="A date, a time, today, yesterday, or an age: 7d, 12h.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="As --since; a day counts whole.")] = None,
    project: Annotated[str | None, typer.Option(help="Name or folder of a project.")] = None,
    format: Annotated[
        str, typer.Option(help="jsonl: all of each exchange; csv: its numbers.")
    ] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="A new file; default: stdout.")] = None,
) -> None:
    """Write the log out: one exchange a line, the oldest first.

    Example: lodestar data export --since 30d --out log.jsonl
    """
    from lodestar.cli.opening import configuration, moment, open_store
    from lodestar.log import Filter
    from lodestar.store import export as exporting

    writers = {"jsonl": exporting.as_jsonl, "csv": exporting.as_csv}
    if format not in writers:
        raise UsageError(f"`{format}` is not a format", f"known: {', '.join(writers)}")
    context = configuration()
    wanted = Filter(
        project=project,
        since=moment(context, since),
        until=moment(context, until, end=True),
        limit=-1,
    )
    with open_store(context) as store:
        _write(out, writers[format](store, wanted))


def _write(out: Path | None, lines: Iterable[str]) -> None:
    if out is None:
        for line in lines:
            print(line, end="")
        return
    try:
        handle = os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise UsageError(f"{out} is there already", "", "choose another name") from error
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        _fill(handle, lines)
    except OSError as error:
        raise _unwritable(out, error) from error
    note(f"{out}: {size_text(out.stat().st_size)}")


def _fill(handle: int, lines: Iterable[str]) -> None:
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        stream.writelines(lines)


def _unwritable(out: Path, error: OSError) -> LodestarError:
    why = str(error.strerror or error)
    return LodestarError(f"cannot write {out}", why, "choose a folder that is there and has room")
