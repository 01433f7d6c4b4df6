"""A session from its first file to its last row."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodestar.catalog import WEAK
from lodestar.errors import LodestarError
from lodestar.ids import new_id
from lodestar.loading import Context
from lodestar.paths import write_private
from lodestar.supervisor.aider_files import model_metadata, model_settings
from lodestar.supervisor.aider_process import AiderProcess
from lodestar.supervisor.branch import current_branch
from lodestar.supervisor.environment import aider_environment
from lodestar.supervisor.shim_process import ShimProcess
from lodestar.supervisor.terminal import restored


@dataclass(frozen=True)
class Ended:
    """How a session ended: its id, Aider's exit code, and why it ended."""

    session: str
    exit_code: int
    reason: str


class SessionFiles:
    """The private folder that a session's processes read; gone with the session."""

    def __init__(self, context: Context, session: str) -> None:
        self._context = context
        self._session = session
        self._token = secrets.token_urlsafe(32)
        self.folder = context.home.folder("run") / session
        self.folder.mkdir(mode=0o700)

    @property
    def shim(self) -> Path:
        return self.folder / "shim.json"

    @property
    def launcher(self) -> Path:
        return self.folder / "launcher.json"

    def write_shim(self, flags: Mapping[str, Any]) -> None:
        """The session as the shim needs to know it."""
        spec = {
            "session": self._session,
            "token": self._token,
            "owner": os.getpid(),
            "folder": os.getcwd(),
            "flags": dict(flags),
            "started": _boot_seconds(),
            "branch": current_branch(self._context.project.root),
        }
        write_private(self.shim, json.dumps(spec))

    def write_launcher(self, port: int, user_args: Sequence[str]) -> None:
        """What Aider's launcher needs: addresses, aliases, arguments."""
        catalog, settings = self._context.catalog, self._context.settings
        files = {
            "model-settings.yml": model_settings(catalog),
            "model-metadata.json": model_metadata(catalog),
            "session.env": "",
        }
        for name, text in files.items():
            write_private(self.folder / name, text)
        history = self._history()
        spec = {
            "shim_url": f"http://127.0.0.1:{port}",
            "token": self._token,
            "session": self._session,
            "parent": os.getpid(),
            "aider_args": settings.aider.args,
            "user_args": list(user_args),
            "model_settings": str(self.folder / "model-settings.yml"),
            "model_metadata": str(self.folder / "model-metadata.json"),
            "env_file": str(self.folder / "session.env"),
            "chat_history": str(history / "chat.history.md"),
            "input_history": str(history / "input.history"),
            "aliases": [alias for alias, _ in catalog],
            "main": settings.main,
            "weak": WEAK,
            "editor": settings.editor,
            "poll_s": 1.0,
        }
        write_private(self.launcher, json.dumps(spec))

    def remove(self) -> None:
        """Delete the folder; the token in it is worthless by now."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _history(self) -> Path:
        """Aider's histories of this project, out of the repository: they hold whole answers."""
        name = str(self._context.project.root).strip("/").replace("/", "-")[-100:] or "root"
        folder = self._context.home.folder("aider") / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def run_session(context: Context, flags: Mapping[str, Any], user_args: Sequence[str]) -> Ended:
    """Run shim and Aider side by side until Aider ends.

    Raises LodestarError where the shim or Aider cannot run.
    """
    session = new_id()
    files = SessionFiles(context, session)
    try:
        files.write_shim(flags)
        shim = ShimProcess(context.home, files.shim)
        files.write_launcher(shim.port, user_args)
        shim.start()
        keys = [entry.key_env for _, entry in context.catalog if entry.key_env]
        environment = aider_environment(os.environ, keys)
        aider = AiderProcess(context.settings.aider.python, files.launcher, environment)
        try:
            with restored():
                code = aider.run(shim.failed)
        finally:
            shim.stop()
        if shim.failed.is_set():
            raise ShimFailedError(shim)
        reason = "ended" if aider.stopped_by is None else f"signal {aider.stopped_by}"
        return Ended(session, code, reason)
    finally:
        files.remove()


class ShimFailedError(LodestarError):
    """The shim gave up; its own three lines are passed on."""

    def __init__(self, shim: ShimProcess) -> None:
        text = shim.error_text()
        super().__init__("Lodestar's shim cannot run", text.splitlines()[-1] if text else "")
        self.exit_code = shim.exit_code or 1
        self._text = text

    def __str__(self) -> str:
        return self._text if self._text.startswith("error:") else super().__str__()


def warn(lines: Sequence[str]) -> None:
    """Print the configuration's warnings, one line each."""
    for line in lines:
        sys.stderr.write(f"warning: {line}\n")


def _boot_seconds() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
