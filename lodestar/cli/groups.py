"""Command groups that do something useful when no command of theirs is named."""

from __future__ import annotations

import click
import typer
from typer.core import TyperGroup


def command_group(help: str, default: str | None) -> typer.Typer:
    """A group whose command `default` also answers the bare group and its options.

    Without one the bare group prints its help.
    """

    class DefaultGroup(TyperGroup):
        def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
            if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
                args = [default or "--help", *args]
            return super().parse_args(ctx, args)

    text = f"{help} Alone: `{default}`." if default else help
    return typer.Typer(cls=DefaultGroup, help=text)
