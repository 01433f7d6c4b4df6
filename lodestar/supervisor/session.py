"""A session from its first file to Aider's exit."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lodestar.errors import LodestarError
from lodestar.ids import new_id
from lodestar.loading import Context
from lodestar.supervisor.aider_process import AiderProcess
from lodestar.supervisor.files import SessionFiles, sweep
from lodestar.supervisor.head_start import HeadStart
from lodestar.supervisor.shim_process import ShimProcess
from lodestar.supervisor.terminal import restored


@dataclass(frozen=True)
class Ended:
    """How a session ended: its id, Aider's exit code, and why it ended."""

    session: str
    exit_code: int
    reason: str


class ShimFailedError(LodestarError):
    """The shim gave up; its own three lines are passed on."""

    def __init__(self, shim: ShimProcess) -> None:
        text = shim.error_text()
        super().__init__("Lodestar's shim cannot run", text.splitlines()[-1] if text else "")
        self.exit_code = shim.exit_code or 1
        self._text = text

    def __str__(self) -> str:
        return self._text if self._text.startswith("error:") else super().__str__()


def run_session(
    context: Context,
    flags: Mapping[str, Any],
    user_args: Sequence[str],
    ahead: HeadStart | None = None,
) -> Ended:
    """Run shim and Aider side by side until Aider ends.

    `ahead` is a launcher that is importing already. Raises LodestarError where the shim or
    Aider cannot run.
    """
    sweep(context.home)
    files = SessionFiles(context, session := new_id())
    launcher = _launcher(context.settings.aider.python, ahead)
    try:
        files.write_shim(flags)
        shim = ShimProcess(context.home, files.shim)
        files.write_launcher(shim.port, user_args)
        shim.start()
        aider = AiderProcess(launcher)
        try:
            with restored():
                code = aider.run(files.launcher, shim.failed)
        finally:
            shim.stop()
        if shim.failed.is_set():
            raise ShimFailedError(shim)
    finally:
        launcher.abandon()
        files.remove()
    reason = "ended" if aider.stopped_by is None else f"signal {aider.stopped_by}"
    return Ended(session, code, reason)


def warn(lines: Sequence[str]) -> None:
    """Print the configuration's warnings, one line each."""
    for line in lines:
        sys.stderr.write(f"warning: {line}\n")


def _launcher(python: str | None, ahead: HeadStart | None) -> HeadStart:
    """The launcher in the interpreter that the user chose; one in another is let go."""
    python = os.path.expanduser(python) if python else sys.executable
    if ahead and ahead.python == python:
        return ahead
    if ahead:
        ahead.abandon()
    return HeadStart(python, os.environ)
