"""`lodestar completion`: what a shell has to know, shown or put where it looks."""

from __future__ import annotations

from typing import Annotated, Literal

import typer


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"] | None,
        typer.Argument(help="Default: the shell in SHELL."),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Put it where the shell reads it when it starts.")
    ] = False,
) -> None:
    """Let the Tab key complete commands, models, profiles, projects and tags in your shell.

    Alone it prints what the shell has to read; with --install it is kept.

    Example: lodestar completion --install
    """
    import os

    from lodestar.cli.completion.install import install as put
    from lodestar.cli.completion.install import shell_of
    from lodestar.cli.completion.scripts import script

    name = shell or shell_of(os.environ)
    if not install:
        print(script(name), end="")
        return
    for line in put(name, os.environ):
        print(line)
