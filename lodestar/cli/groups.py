"""Kinds of commands: groups with a default, and one that passes its arguments on."""

from __future__ import annotations

import click
import typer
from typer.core import TyperCommand, TyperGroup


class PassingOn(TyperCommand):
    """A command that leaves the arguments it does not know, in their order, to somebody else."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Only alone: as an option of ours, `-h` would be found inside `-mhello`, too.
        ctx.help_option_names = ["--help"]
        ctx.allow_extra_args = ctx.ignore_unknown_options = True
        return super().parse_args(ctx, ["--help"] if args == ["-h"] else args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[AIDER'S ARGUMENTS]..."]


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
