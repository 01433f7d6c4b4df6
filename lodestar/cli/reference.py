"""`python -m lodestar.cli.reference [--check]`: docs/reference/commands.md from the commands."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import typer

from lodestar.cli.main import build_app
from lodestar.errors import UsageError
from lodestar.settings import Settings

FILE = Path(__file__).parent.parent.parent / "docs" / "reference" / "commands.md"
HEAD = """# Commands

Made from the program by `scripts/docs`; do not edit. `-h` or `--help` after any command says the
same. Data go to stdout, messages to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage or
configuration, 3 stopped by a budget, 4 a key is missing, 5 no model can be reached, 6 not trusted,
7 the database cannot be used, 130 interrupted; `lodestar code` returns Aider's own.
"""


def sections() -> dict[str, str]:
    """The reference of each command of the first level, by name."""
    root = typer.main.get_command(build_app(Settings()))
    context = click.Context(root, info_name="lodestar")
    found = {"lodestar": _section(context)}
    for name, command in _commands(context):
        found[name] = "\n".join(_tree(click.Context(command, info_name=name, parent=context)))
    return found


def page(found: dict[str, str]) -> str:
    """The whole page."""
    return "\n".join([HEAD, *found.values()])


def main(arguments: list[str]) -> int:
    """Write the page; with --check only compare, and return 1 where it differs."""
    if arguments not in ([], ["--check"]):
        raise UsageError("usage: scripts/docs [--check]")
    text = page(sections())
    if arguments:
        current = FILE.read_text("utf-8") if FILE.is_file() else ""
        print(f"{FILE.name}: {'up to date' if current == text else 'differs; run scripts/docs'}")
        return int(current != text)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text, "utf-8")
    return 0


def _tree(context: click.Context) -> Iterator[str]:
    yield _section(context)
    for name, command in _commands(context):
        yield from _tree(click.Context(command, info_name=name, parent=context))


def _commands(context: click.Context) -> list[tuple[str, click.Command]]:
    command = context.command
    if not isinstance(command, click.Group):
        return []
    return [(n, c) for n, c in sorted(command.commands.items()) if not c.hidden]


def _section(context: click.Context) -> str:
    command = context.command
    depth = "#" * (context.command_path.count(" ") + 2)
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"{depth} {context.command_path}", "", f"`{context.command_path} {usage}`", ""]
    lines += [(command.help or "").strip(), ""]
    rows = [row for parameter in command.get_params(context) for row in _row(context, parameter)]
    if rows:
        lines += ["| | |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _row(context: click.Context, parameter: click.Parameter) -> Iterator[str]:
    help = getattr(parameter, "help", None) or ""
    if getattr(parameter, "hidden", False) or "--help" in parameter.opts:
        return
    if isinstance(parameter, click.Argument):
        name = parameter.make_metavar(context)
    else:
        value = "" if getattr(parameter, "is_flag", False) else f" {_kind(parameter, context)}"
        name = ", ".join([*parameter.opts, *parameter.secondary_opts]) + value
    cells = [cell.replace("|", "\\|") for cell in (name, f"{help}{_default(parameter)}")]
    yield f"| `{cells[0]}` | {cells[1]} |"


def _kind(parameter: click.Parameter, context: click.Context) -> str:
    return parameter.make_metavar(context)


def _default(parameter: click.Parameter) -> str:
    default = parameter.default
    flag = getattr(parameter, "is_flag", False)
    shown = isinstance(default, str | int | float) and not flag and default != ""
    return f" Default: {default}." if shown else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
