"""`lodestar shim`: the proxy alone, for other OpenAI clients: begun and ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli import shim_env, shim_logs, shim_status
from lodestar.cli.code import dollars
from lodestar.cli.groups import command_group
from lodestar.cli.output import note
from lodestar.errors import LodestarError

if TYPE_CHECKING:
    from lodestar.loading import Context
    from lodestar.paths import Home
    from lodestar.supervisor.alone import Alone

app = command_group("Serve Lodestar's models to editors and other OpenAI clients.", default=None)
STOP_S, SHORT_S = 30.0, 1.0
Port = Annotated[int, typer.Option(help="TCP port on 127.0.0.1.", min=1, max=65535)]
Host = Annotated[str, typer.Option(help="127.0.0.1; every other address is refused.")]
Profile = Annotated[str | None, typer.Option(help="The profile to work with.")]
Budget = Annotated[
    str | None, typer.Option(metavar="USD", help="Most that it may cost until it is stopped: 0.50.")
]
FreeOnly = Annotated[
    bool, typer.Option("--free-only", help="Close paid models; their keys are never read.")
]


@app.command()
def serve(
    port: Port = 4000,
    host: Host = "127.0.0.1",
    profile: Profile = None,
    budget: Budget = None,
    free_only: FreeOnly = False,
    keep_token: Annotated[
        bool, typer.Option("--keep-token", help="Take the API key that `start` uses, too.")
    ] = False,
) -> None:
    """Serve the OpenAI API on this machine until interrupted.

    Prints one JSON line with the port and the token to send as the API key, which is another
    one each time.

    Example: lodestar shim serve --port 4000
    """
    from lodestar.cli.opening import configuration
    from lodestar.supervisor import ports, shim_token
    from lodestar.supervisor.alone import one_at_a_time
    from lodestar.supervisor.alone_start import Wish, become

    ports.check_host(host)
    flags = _flags(profile, budget, free_only)
    context = configuration(flags)
    home = context.home
    token = shim_token.kept_token(home) if keep_token else shim_token.fresh_token()
    with one_at_a_time(home):
        # The lock is given back when this program becomes the shim.
        become(Wish(context, flags, port, token), ports.listen(port))


@app.command()
def start(
    port: Port = 4000,
    host: Host = "127.0.0.1",
    profile: Profile = None,
    budget: Budget = None,
    free_only: FreeOnly = False,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="With another API key than the last time.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Serve the OpenAI API in the background, until `lodestar shim stop`.

    The API key stays the same from one start to the next, so that what an editor was told
    stays valid. Where the same shim runs already nothing is done.

    Example: lodestar shim start --free-only
    """
    from lodestar.cli.opening import configuration
    from lodestar.supervisor import ports
    from lodestar.supervisor.alone import one_at_a_time, running

    ports.check_host(host)
    flags = _flags(profile, budget, free_only)
    context = configuration(flags)
    with one_at_a_time(context.home):
        there = next(iter(running(context.home, port)), None)
        if there:
            _check_same(there, flags, new_token)
        else:
            there = _begin(context, flags, port, new_token)
    shim_status.show_use(context.home, there, json)


@app.command()
def stop(
    port: Annotated[int | None, typer.Option(help="The one on this port.")] = None,
) -> None:
    """Stop the shim in order: what it is answering may end, and its last rows are written.

    An answer that takes longer than 5 seconds more is cut off and recorded as it is.

    Example: lodestar shim stop
    """
    from lodestar.paths import lodestar_home
    from lodestar.supervisor.alone import one_at_a_time

    home = lodestar_home()
    with one_at_a_time(home):
        found = shim_status.the_one(home, port)
        if found is None:
            note("the shim does not run; nothing was stopped")
            return
        _stop(home, found)


def _begin(context: Context, flags: Mapping[str, Any], port: int, new_token: bool) -> Alone:
    from lodestar.supervisor import ports, shim_token
    from lodestar.supervisor.alone_start import Wish, start

    home = context.home
    with ports.listen(port) as listener:
        token = shim_token.new_token(home) if new_token else shim_token.kept_token(home)
        alone = start(Wish(context, flags, port, token), listener)
    shim_status.show_warnings(home, port)
    note(f"the shim runs on {alone.url} (pid {alone.pid})")
    return alone


def _stop(home: Home, alone: Alone) -> None:
    from lodestar.supervisor.alone import end, forget
    from lodestar.supervisor.alone_start import error_file

    busy = (alone.state(SHORT_S) or {}).get("in_flight") or 0
    if busy:
        note(f"waiting for {busy} request{'' if busy == 1 else 's'}")
    if not end(alone, STOP_S):
        raise LodestarError(
            f"the shim (pid {alone.pid}) has not stopped yet",
            f"it was told to, and still runs {STOP_S:.0f} s later",
            f"wait, and look: lodestar shim status. To end it at once: kill -9 {alone.pid}",
        )
    forget(home, alone.port)
    error_file(home, alone.port).unlink(missing_ok=True)
    note(f"stopped the shim on port {alone.port} (pid {alone.pid})")


def _flags(profile: str | None, budget: str | None, free_only: bool) -> dict[str, Any]:
    given = {
        "profile": profile,
        "limits.session_usd": dollars(budget),
        "limits.free_only": free_only or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _check_same(there: Alone, flags: Mapping[str, Any], new_token: bool) -> None:
    """Say that one runs; raises LodestarError where it is another one than is wanted."""
    if there.background and dict(there.flags) == dict(flags) and not new_token:
        note(f"the shim runs already on {there.url} (pid {there.pid})")
        return
    how = " with other options" if there.background else ", in the foreground of a terminal"
    raise LodestarError(
        f"a shim runs already on port {there.port}",
        f"pid {there.pid} was started{how}",
        "stop it first: lodestar shim stop",
    )


app.command()(shim_status.status)
app.command()(shim_logs.logs)
app.command()(shim_env.env)
app.command()(shim_env.token)
