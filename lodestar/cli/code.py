"""`lodestar code`: Aider, on the model that the profile names."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from lodestar.errors import LodestarError

PRELOAD_AFTER_S = 10.0
"""Aider's own start is over by then; the imports would slow it."""


def code(
    context: typer.Context,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="Work under this profile.")
    ] = None,
    minutes: Annotated[
        int | None,
        typer.Option("--minutes", metavar="N", help="End the session after this many minutes."),
    ] = None,
    no_rating: Annotated[
        bool, typer.Option("--no-rating", help="Do not ask for a rating at the end.")
    ] = False,
) -> None:
    """Code with Aider: free on the local model, unless you name a paid one.

    Every other argument goes to Aider unchanged, and Aider's exit code comes back:

    lodestar code app.py

    lodestar code --model local-coder app.py --message "rename function hello to greet"

    lodestar code -- --help          (Aider's own help)
    """
    flags = {"profile": profile, "limits.session_minutes": minutes}
    raise typer.Exit(_work(flags, context.args, context.obj, ask=not no_rating))


def _work(flags: Mapping[str, Any], arguments: Sequence[str], ahead: Any, ask: bool) -> int:
    from lodestar.loading import load
    from lodestar.supervisor.session import run_session, warn

    loaded = load(flags)
    warn(loaded.warnings)
    preload = threading.Timer(PRELOAD_AFTER_S, _preload)
    preload.daemon = True
    preload.start()
    ended = run_session(loaded, flags, arguments, ahead)
    preload.cancel()
    try:
        from lodestar.supervisor.ending import finish

        finish(loaded, ended, ask)
    except LodestarError as error:
        # Aider's own result counts; the summary is an extra.
        sys.stderr.write(f"{error}\n")
    return ended.exit_code


def _preload() -> None:
    """Import what the session's end needs while the user works."""
    import lodestar.supervisor.ending  # noqa: F401
