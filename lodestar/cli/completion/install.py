"""Where a shell finds its completion: a file, and for bash and zsh a line that reads it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from lodestar.cli.completion.scripts import SHELLS, script
from lodestar.errors import LodestarError, UsageError
from lodestar.paths import lodestar_home
from lodestar.terminal import printable


def shell_of(environ: Mapping[str, str]) -> str:
    """The user's shell. Raises UsageError for one that is not known."""
    name = Path(environ.get("SHELL", "")).name
    if name in SHELLS:
        return name
    raise UsageError(
        f"which shell? `{name}` is not known" if name else "which shell? SHELL is not set",
        f"there is completion for {', '.join(SHELLS)}",
        "name it: lodestar completion bash --install",
    )


def install(shell: str, environ: Mapping[str, str]) -> list[str]:
    """Write the file, and the line once; returns what was done, in words. Raises LodestarError."""
    home = Path(environ.get("HOME") or Path.home())
    try:
        if shell == "fish":
            config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
            file = config / "fish" / "completions" / "lodestar.fish"
            done = [_written(file, shell)]
        else:
            file = lodestar_home(environ).root / "completion" / f"lodestar.{shell}"
            folder = Path(environ.get("ZDOTDIR") or home) if shell == "zsh" else home
            done = [_written(file, shell), _read_by(folder / f".{shell}rc", file)]
    except OSError as error:
        raise LodestarError(
            "the completion could not be installed",
            str(error),
            f"put it where {shell} reads it: lodestar completion {shell}",
        ) from error
    return [*map(printable, done), "it works in the next shell that you open"]


def _written(file: Path, shell: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(script(shell), "utf-8")
    return f"wrote {file}"


def _read_by(start: Path, file: Path) -> str:
    line = f"[ ! -r {shlex.quote(str(file))} ] || . {shlex.quote(str(file))}"
    text = start.read_text("utf-8", "surrogateescape") if start.exists() else ""
    if line in text.splitlines():
        return f"{start} reads it already"
    start.parent.mkdir(parents=True, exist_ok=True)
    gap = "" if not text or text.endswith("\n") else "\n"
    with start.open("a", encoding="utf-8") as rc:
        rc.write(f"{gap}{line}\n")
    return f"added a line to {start}"
