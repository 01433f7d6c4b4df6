"""`lodestar shim status`, and what else is said of a shim that runs alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.output import note, print_json
from lodestar.errors import UsageError
from lodestar.terminal import one_line

if TYPE_CHECKING:
    from lodestar.paths import Home
    from lodestar.supervisor.alone import Alone

NOT_RUNNING = 1
OnPort = Annotated[int | None, typer.Option("--port", help="The one on this port.")]


def status(
    port: OnPort = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Show the shims of this home that run alone, and what they did since their start.

    The exit code is 0 where one runs and answers, else 1.

    Example: lodestar shim status
    """
    from lodestar.paths import lodestar_home
    from lodestar.supervisor.alone import running

    home = lodestar_home()
    found = [(alone, alone.state()) for alone in running(home, port)]
    if json:
        print_json("shim", [_plain(home, alone, state) for alone, state in found])
    else:
        _print(home, found)
    return 0 if any(state for _, state in found) else NOT_RUNNING


def the_one(home: Home, port: int | None) -> Alone | None:
    """The shim that is meant; None where none runs. Raises UsageError where it may be several."""
    from lodestar.supervisor.alone import running

    found = running(home, port)
    if len(found) > 1:
        ports = ", ".join(str(alone.port) for alone in found)
        raise UsageError(
            f"{len(found)} shims run", f"they are on the ports {ports}", "say which: --port N"
        )
    return next(iter(found), None)


def show_use(home: Home, alone: Alone, json: bool) -> None:
    """How to use a shim that runs."""
    if json:
        print_json("shim", [_plain(home, alone, alone.state())])
        return
    note(f"API key   in {_key_file(home, alone)}")
    note("model     any alias of: lodestar models list")
    note(f"shell     {_evaluated(alone)}")
    note("more      lodestar shim status|logs|stop")


def show_warnings(home: Home, port: int) -> None:
    """What a shim had to say while it started."""
    from lodestar.supervisor.alone_start import error_file

    path = error_file(home, port)
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    for line in text.splitlines():
        if line.startswith("warning: "):
            note(line)


def _evaluated(alone: Alone) -> str:
    if os.path.basename(os.environ.get("SHELL", "")) == "fish":
        return f"lodestar shim env --port {alone.port} | source"
    return f'eval "$(lodestar shim env --port {alone.port})"'


def _key_file(home: Home, alone: Alone) -> str:
    """The file that holds its API key, alone on a line where it is the kept one."""
    from lodestar.supervisor.alone import note_path
    from lodestar.supervisor.shim_token import token_file

    path = token_file(home)
    kept = path.read_text("utf-8", "replace").strip() if path.is_file() else ""
    return str(path if kept == alone.token else note_path(home, alone.port))


def _print(home: Home, found: list[tuple[Alone, dict[str, Any] | None]]) -> None:
    if not found:
        note("the shim does not run; start it: lodestar shim start")
    for alone, state in found:
        for name, text in _lines(home, alone, state):
            print(f"{name:<9} {one_line(text)}")
        if state is None:
            note(f"it does not answer (yet); its log: lodestar shim logs --port {alone.port}")
    sys.stdout.flush()


def _lines(home: Home, alone: Alone, state: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    from lodestar.clock import local_text, now_ms
    from lodestar.durations import duration_text

    age = duration_text((now_ms() - alone.since_ms) / 1000)
    yield "address", alone.url
    how = "in the background" if alone.background else "in the foreground"
    yield "running", f"pid {alone.pid}, {how}, since {local_text(alone.since_ms)} ({age})"
    if state:
        free = ", free only" if state["free_only"] else ""
        yield "profile", f"{state['profile']}{free}, in {alone.folder}"
        yield "requests", _requests(state)
        yield "models", ", ".join(state["models"])
        if state["end"]:
            yield "closed", f"{state['end']} Start it again."
    yield "API key", f"in {_key_file(home, alone)}"
    yield "log", str(home.root / "logs" / "shim.log")
    for text in state["notices"] if state else ():
        yield "notice", text


def _requests(state: dict[str, Any]) -> str:
    dollars = f"${state['cash_nano'] / 1e9:.4f}"
    counts = f"{state['requests']} ({state['failed']} without an answer)"
    return f"{counts}, {state['in_flight']} running now; {dollars} spent"


def _plain(home: Home, alone: Alone, state: dict[str, Any] | None) -> dict[str, Any]:
    told = {name: value for name, value in (state or {}).items() if name != "pid"}
    return {
        "running": True,
        "answers": state is not None,
        "url": alone.url,
        "port": alone.port,
        "pid": alone.pid,
        "since_ms": alone.since_ms,
        "background": alone.background,
        "folder": alone.folder,
        "session": alone.session,
        "key_file": _key_file(home, alone),
        **told,
    }
