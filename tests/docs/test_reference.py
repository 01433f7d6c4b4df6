"""docs/reference/commands.md is what the program says."""

from __future__ import annotations

import click
import pytest
import typer

from lodestar.cli.main import build_app
from lodestar.cli.reference import FILE, HEAD, page, sections
from lodestar.settings import Settings


def test_the_page_is_made_from_the_program() -> None:
    """A section may be missing from the program where its module's folder was deleted."""
    text = FILE.read_text("utf-8")
    assert text.startswith(HEAD)
    for name, section in sections().items():
        assert section in text, f"`{name}` differs: run scripts/docs"


def test_the_page_names_no_command_that_is_gone() -> None:
    found = sections()
    text = FILE.read_text("utf-8")
    ours = [line for line in page(found).splitlines() if line.startswith("#")]
    theirs = [line for line in text.splitlines() if line.startswith("#")]
    extra = [line for line in theirs if line not in ours]
    assert not [line for line in extra if line.split()[2] in found]


def commands(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    inner = command.commands.items() if isinstance(command, click.Group) else ()
    below = [found for name, sub in inner for found in commands(sub, f"{path} {name}")]
    return [(path, command), *below]


ALL = commands(typer.main.get_command(build_app(Settings())), "lodestar")


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_every_command_and_option_has_help(path: str, command: click.Command) -> None:
    assert command.help
    missing = [
        parameter.name
        for parameter in command.params
        if not getattr(parameter, "help", None) and parameter.name != "help"
    ]
    assert not missing
