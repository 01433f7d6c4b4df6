"""Printing data: a table on a terminal, tab-separated lines in a pipe, JSON when asked."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

import typer

from lodestar.errors import UsageError
from lodestar.terminal import interactive, one_line, printable


def print_json(name: str, data: Any, **more: Any) -> None:
    """One envelope: {"schema": "lodestar.NAME/1", "generated_at", ..., "data"}."""
    moment = datetime.now(timezone.utc).isoformat(timespec="seconds")
    envelope = {"schema": f"lodestar.{name}/1", "generated_at": moment, **more, "data": data}
    print(json.dumps(envelope, indent=2, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The rows under their column names; None is an empty cell."""
    cells = [[one_line("" if cell is None else str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, cells)
        return
    for line in [list(columns), *cells]:
        print("\t".join(line))


def _print_rich(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def size_text(size: int) -> str:
    """Bytes as people say them, to one decimal."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def note(text: str) -> None:
    """A line for the person, on stderr, so that it never mixes with data."""
    print(printable(text), file=sys.stderr)


def agreed(question: str, yes: bool) -> None:
    """Ask before what cannot be taken back; raises UsageError where nobody can be asked."""
    if yes:
        return
    if not interactive(os.environ):
        raise UsageError(
            "nothing was done", "it needs your word, and nobody can be asked", "add --yes"
        )
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)
