"""Kinds of commands: groups with a default, and one that passes its arguments on."""

from __future__ import annotations

from collections.abc import Sequence

import click
import typer
from click.shell_completion import CompletionItem
from typer.core import TyperCommand, TyperGroup

ALIASED = ("--model", "--weak-model", "--editor-model")
"""Aider's options that take one of our aliases."""
COMMON = (*ALIASED, "--message", "--read", "--yes-always")


class PassingOn(TyperCommand):
    """A command that leaves the arguments it does not know, in their order, to somebody else."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Only alone: as an option of ours, `-h` would be found inside `-mhello`, too.
        ctx.help_option_names = ["--help"]
        ctx.allow_extra_args = ctx.ignore_unknown_options = True
        return super().parse_args(ctx, ["--help"] if args == ["-h"] else args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[AIDER'S ARGUMENTS]..."]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Our options and Aider's usual ones, an alias after some of them, else files."""
        from lodestar.cli.completion.values import models

        if ctx.args and ctx.args[-1] in ALIASED:
            found = [CompletionItem(name, help=about) for name, about in models()]
        elif not incomplete.startswith("-"):
            return [CompletionItem(incomplete, type="file")]
        else:
            found = super().shell_complete(ctx, incomplete)
            found += [CompletionItem(name, help="Aider's") for name in COMMON]
        return [item for item in found if item.value.startswith(incomplete)]


def panels(order: Sequence[str]) -> type[TyperGroup]:
    """A group whose help shows its panels in this order, whoever added the commands, and when."""

    class Ordered(TyperGroup):
        def list_commands(self, ctx: click.Context) -> list[str]:
            def place(name: str) -> int:
                panel = getattr(self.commands[name], "rich_help_panel", None)
                return order.index(panel) if panel in order else len(order)

            return sorted(super().list_commands(ctx), key=place)

    return Ordered


def default_completions(
    group: TyperGroup, ctx: click.Context, default: str, incomplete: str, arguments: bool
) -> list[CompletionItem]:
    """What the default command takes where no command is named yet."""
    command = group.commands.get(default)
    if command is None:
        return []
    with command.make_context(default, [], parent=ctx, resilient_parsing=True) as inner:
        if incomplete.startswith("-"):
            known = set(ctx.help_option_names)
            found = command.shell_complete(inner, incomplete)
            return [item for item in found if item.value not in known]
        first = [p for p in command.params if isinstance(p, click.Argument)][:1]
        return first[0].shell_complete(inner, incomplete) if first and arguments else []


def command_group(help: str, default: str | None) -> typer.Typer:
    """A group whose command `default` also answers the bare group and its options.

    Without one the bare group prints its help.
    """

    class DefaultGroup(TyperGroup):
        def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
            if not args and ctx.resilient_parsing:
                # Completion: any command of the group may follow.
                return super().parse_args(ctx, args)
            if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
                args = [default or "--help", *args]
            return super().parse_args(ctx, args)

        def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
            found = super().shell_complete(ctx, incomplete)
            return found + default_completions(self, ctx, default or "", incomplete, False)

    text = f"{help} Alone: `{default}`." if default else help
    return typer.Typer(cls=DefaultGroup, help=text)
