"""`lodestar engine`: the local model server that all sessions share."""

from __future__ import annotations

import os
import signal
from typing import Annotated

import typer

from lodestar.cli.groups import command_group
from lodestar.cli.output import note, print_json, print_table
from lodestar.errors import LodestarError

app = command_group("Look at the local model server, or stop it.", default="status")


@app.command()
def status(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show whether the engine runs and which models it holds in memory.

    Example: lodestar engine status
    """
    from lodestar.engine_client import health
    from lodestar.paths import engine_socket, lodestar_home

    found = health(engine_socket(lodestar_home().root))
    if json:
        print_json("engine", found)
    elif found is None:
        note("the engine is not running; it starts with the first request")
    else:
        users = found.get("leases", 0)
        sessions = f"{users} session" + ("" if users == 1 else "s")
        note(f"pid {found['pid']}, {_mebibytes(found)}, used by {sessions}")
        columns = ("model", "adapter", "context", "idle_s")
        print_table(columns, [[m.get(c) for c in columns] for m in found.get("loaded", [])])


@app.command()
def stop() -> None:
    """Stop the engine; the next request starts it again.

    Example: lodestar engine stop
    """
    from lodestar.engine_client import health
    from lodestar.paths import engine_socket, lodestar_home

    found = health(engine_socket(lodestar_home().root))
    if found is None:
        note("the engine is not running")
        return
    try:
        os.kill(int(found["pid"]), signal.SIGTERM)
    except (ProcessLookupError, PermissionError) as error:
        raise LodestarError("the engine was not stopped", str(error)) from error
    note(f"told the engine (pid {found['pid']}) to stop")


def _mebibytes(found: dict[str, object]) -> str:
    size = found.get("rss_bytes")
    return f"{size >> 20} MiB" if isinstance(size, int) else "memory unknown"
