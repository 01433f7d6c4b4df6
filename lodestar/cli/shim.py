"""`lodestar shim`: the proxy alone, for other OpenAI clients."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from lodestar.cli.groups import command_group

app = command_group("Serve Lodestar's models to other OpenAI clients.", default=None)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1.", min=1, max=65535)] = 4000,
    profile: Annotated[str | None, typer.Option(help="The profile to work with.")] = None,
) -> None:
    """Serve the OpenAI API on this machine until interrupted.

    Prints one JSON line with the port and the token to send as the API key.
    """
    from lodestar.cli.opening import configuration
    from lodestar.supervisor.free_only import shim_environment

    context = configuration({"profile": profile})
    environment = shim_environment(context, os.environ)
    environment |= {"LODESTAR_PROFILE": profile} if profile else {}
    home, number = str(context.home.root), str(port)
    command = [sys.executable, "-I", "-m", "lodestar_shim", "--home", home, "--port", number]
    os.execve(sys.executable, command, environment)  # noqa: S606
