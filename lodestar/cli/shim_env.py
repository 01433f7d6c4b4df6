"""`lodestar shim env|token`: what an OpenAI client has to know."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lodestar.cli.output import note, print_json
from lodestar.cli.shim_status import OnPort, the_one

if TYPE_CHECKING:
    from lodestar.paths import Home
    from lodestar.supervisor.alone import Alone

Shell = Literal["sh", "fish", "csh", "powershell"]
DEFAULT_PORT = 4000


def env(
    port: OnPort = None,
    shell: Annotated[Shell | None, typer.Option(help="Default: the one in $SHELL.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what makes any OpenAI client in this shell use the shim.

    Example: eval "$(lodestar shim env)"
    """
    from lodestar.paths import lodestar_home

    home = lodestar_home()
    found = the_one(home, port)
    url, key = _address(home, found, port)
    # The second name is that of older clients, litellm and Aider among them.
    values = {"OPENAI_BASE_URL": url, "OPENAI_API_BASE": url, "OPENAI_API_KEY": key}
    if json:
        print_json("shim_env", values)
    else:
        for name, value in values.items():
            print(_line(shell or _usual(), name, value))
    if found is None:
        note(f"nothing serves {url} now; start it: lodestar shim start --port {_port(url)}")


def token(
    new: Annotated[bool, typer.Option("--new", help="Make another one first.")] = False,
) -> None:
    """Print the API key that `lodestar shim start` uses.

    With --new programs that know the former one are shut out with the next start.

    Example: lodestar shim token
    """
    from lodestar.paths import lodestar_home
    from lodestar.supervisor.alone import one_at_a_time, running
    from lodestar.supervisor.shim_token import kept_token, new_token

    home = lodestar_home()
    if not new:
        print(kept_token(home))
        return
    with one_at_a_time(home):
        print(new_token(home))
        for alone in running(home):
            note(f"port {alone.port} still takes the key it was started with:")
            note(f"lodestar shim stop --port {alone.port}; lodestar shim start --port {alone.port}")


def _address(home: Home, found: Alone | None, port: int | None) -> tuple[str, str]:
    """The base URL and the key of the shim that runs, or of the one that would."""
    if found:
        return found.url, found.token
    from lodestar.supervisor.ports import LOOPBACK
    from lodestar.supervisor.shim_token import kept_token

    return f"http://{LOOPBACK}:{port or DEFAULT_PORT}/v1", kept_token(home)


def _line(shell: Shell, name: str, value: str) -> str:
    """One assignment; the values hold no character that a shell would read in its own way."""
    if shell == "fish":
        return f"set -gx {name} {shlex.quote(value)};"
    if shell == "csh":
        return f"setenv {name} {shlex.quote(value)};"
    if shell == "powershell":
        return f"$env:{name} = '{value}'"
    return f"export {name}={shlex.quote(value)}"


def _usual() -> Shell:
    name = os.path.basename(os.environ.get("SHELL", ""))
    if name in ("csh", "tcsh"):
        return "csh"
    if name in ("fish", "pwsh"):
        return "fish" if name == "fish" else "powershell"
    return "sh"


def _port(url: str) -> str:
    return url.rpartition(":")[2].partition("/")[0]
