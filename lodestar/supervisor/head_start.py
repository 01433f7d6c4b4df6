"""Aider's interpreter, importing while the configuration is still being read.

Importing Aider takes longer than everything Lodestar does before it; so for `lodestar code`
the launcher is started first and waits for its specification. Standard library only.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from lodestar.errors import LodestarError
from lodestar.supervisor.environment import aider_environment

_KEY_NAME = re.compile(r"\bkey_env[\"']?\s*:\s*[\"']?([A-Za-z_][A-Za-z0-9_]*)")


class HeadStart:
    """A launcher that waits on a pipe: first for the specification, then for our death."""

    def __init__(self, python: str, environ: Mapping[str, str], keys: Iterable[str]) -> None:
        """Start it without the variables named in `keys`.

        Raises LodestarError where the interpreter cannot be run.
        """
        self.python = python
        self._given = False
        command = [python, "-I", str(launcher_path()), "--fd"]
        environment = aider_environment(environ, keys)
        self.variables = frozenset(environment)
        """The names of the environment variables that it has."""
        reading, self._writing = os.pipe()
        try:
            self.process = subprocess.Popen(
                [*command, str(reading)], env=environment, pass_fds=[reading]
            )
        except OSError as error:
            os.close(self._writing)
            raise LodestarError(
                f"cannot start {python}",
                str(error.strerror or error),
                "set aider.python in config.yaml to an interpreter that has Aider",
            ) from error
        finally:
            os.close(reading)

    def give(self, spec: Path) -> None:
        """Hand over the specification; Aider starts. The pipe stays open as its lifeline."""
        self._given = True
        try:
            os.write(self._writing, os.fsencode(spec) + b"\n")
        except BrokenPipeError:
            # It has ended already, and says why with its exit code.
            return

    def let_go(self) -> None:
        """Close the pipe: a launcher without a specification leaves at once, quietly."""
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def abandon(self) -> None:
        """Let go and wait until it is gone; with no specification it need not finish importing."""
        self.let_go()
        if not self._given:
            self.process.terminate()
        self.process.wait()


def launcher_path() -> Path:
    """The launcher's entry file; it runs in Aider's interpreter, so it is never imported here."""
    found = importlib.util.find_spec("lodestar_aider")
    if found is None or not found.submodule_search_locations:
        raise LodestarError("the Aider launcher is missing", "the installation is incomplete", "")
    return Path(next(iter(found.submodule_search_locations))) / "__main__.py"


def configured_keys(environ: Mapping[str, str]) -> list[str]:
    """The key variables that config.yaml names, found without parsing it."""
    home = environ.get("LODESTAR_HOME")
    folder = Path(home).expanduser() if home else Path("~/.lodestar").expanduser()
    try:
        return _KEY_NAME.findall((folder / "config.yaml").read_text("utf-8", "replace"))
    except OSError:
        return []


def begin() -> HeadStart | None:
    """A head start in our own interpreter, which has Aider unless the user says otherwise.

    None where it cannot be had now: the session tries again, and explains.
    """
    try:
        return HeadStart(sys.executable, os.environ, configured_keys(os.environ))
    except (LodestarError, OSError):
        return None
