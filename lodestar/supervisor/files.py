"""The private files that a session's processes read, and their removal."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lodestar.catalog import WEAK
from lodestar.clock import awake_seconds, boot_seconds
from lodestar.loading import Context
from lodestar.paths import Home, write_private
from lodestar.store.processes import runs
from lodestar.store.uncommitted import journal_path
from lodestar.supervisor.aider_files import model_metadata, model_settings
from lodestar.supervisor.branch import current_branch
from lodestar.terminal import interactive
from lodestar.trust.files import IGNORE
from lodestar.trust.ignore_file import is_harmless

PROGRAM = '#!/bin/sh\nexec {python} -I -m lodestar "$@"\n'
UNCLAIMED_S = 3600.0
DRAFT = ".edits.new"
"""Of a launcher that was killed while it wrote its note of the edits."""


class SessionFiles:
    """One session's folder below `run/`; gone with the session."""

    def __init__(self, context: Context, session: str) -> None:
        self._context = context
        self._session = session
        self._token = secrets.token_urlsafe(32)
        self.folder = context.home.folder("run") / session
        self.folder.mkdir(mode=0o700)

    @property
    def shim(self) -> Path:
        """The shim's specification."""
        return self.folder / "shim.json"

    @property
    def launcher(self) -> Path:
        """The launcher's specification."""
        return self.folder / "launcher.json"

    def write_shim(self, flags: Mapping[str, Any]) -> None:
        """The session as the shim needs to know it."""
        spec = {
            "session": self._session,
            "token": self._token,
            "owner": os.getpid(),
            "folder": os.getcwd(),
            "flags": dict(flags),
            "started": boot_seconds(),
            "awake": awake_seconds(),
            "branch": current_branch(self._context.project.root),
            "local": self._context.local.as_json() if self._context.local else None,
        }
        write_private(self.shim, json.dumps(spec))

    def write_launcher(self, port: int, user_args: Sequence[str], plain: bool = False) -> None:
        """What Aider's launcher needs: addresses, aliases, arguments."""
        catalog, settings = self._context.catalog, self._context.settings
        files = {
            "model_settings": ("model-settings.yml", model_settings(catalog)),
            "model_metadata": ("model-metadata.json", model_metadata(catalog)),
            "env_file": ("session.env", ""),
        }
        for name, text in files.values():
            write_private(self.folder / name, text)
        spec = {
            "shim_url": f"http://127.0.0.1:{port}",
            "token": self._token,
            "session": self._session,
            "drop_env": [entry.key_env for _, entry in catalog if entry.key_env],
            "aider_args": [*settings.aider.args, *self._repository_args()],
            "user_args": list(user_args),
            **{key: str(self.folder / name) for key, (name, _) in files.items()},
            **self._histories(),
            "aliases": [alias for alias, _ in catalog.offered],
            "main": settings.main,
            "weak": WEAK,
            "editor": settings.editor,
            "poll_s": 1.0,
            "plain": plain,
            "ask": interactive(os.environ),
            "programs": self._programs(),
            "journal": str(journal_path(self._context.home, self._session)),
        }
        write_private(self.launcher, json.dumps(spec))

    def remove(self) -> None:
        """Delete the folder; the token in it is worthless by now."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _programs(self) -> str:
        """A folder with `lodestar`, for `!lodestar ...` in Aider; empty where PATH has it."""
        if shutil.which("lodestar"):
            return ""
        folder = self.folder / "bin"
        folder.mkdir(mode=0o700)
        program = folder / "lodestar"
        write_private(program, PROGRAM.format(python=shlex.quote(sys.executable)))
        program.chmod(0o700)
        return str(folder)

    def _repository_args(self) -> list[str]:
        """What a trusted repository adds, and nothing for Aider to stumble over where it is odd."""
        ignore = self._context.standing.files.get(IGNORE)
        usable = ignore is None or is_harmless(ignore)
        instead = [] if usable else [f"--aiderignore={self.folder / 'session.env'}"]
        return [*instead, *self._context.repository_args]

    def _histories(self) -> dict[str, str]:
        """Aider's histories of this project."""
        folder = self._context.home.histories(self._context.project.root)
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = {}
        for key, name in (
            ("chat_history", "chat.history.md"),
            ("input_history", "input.history"),
        ):
            os.close(os.open(folder / name, os.O_CREAT | os.O_WRONLY, 0o600))
            found[key] = str(folder / name)
        return found


def sweep(home: Home) -> None:
    """Remove the folders of sessions whose supervisor was killed."""
    for folder in home.folder("run").iterdir():
        if folder.is_dir() and not folder.is_symlink() and left_behind(folder):
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.name.endswith(DRAFT) and _age_s(folder) > UNCLAIMED_S:
            folder.unlink(missing_ok=True)


def left_behind(folder: Path) -> bool:
    """Whether the owner is dead; a folder that names none may belong to a session starting now."""
    try:
        return not runs(int(json.loads((folder / "shim.json").read_text("utf-8"))["owner"]))
    except FileNotFoundError:
        return _age_s(folder) > UNCLAIMED_S
    except (OSError, ValueError, KeyError, TypeError):
        return True


def _age_s(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        # Another session has swept it away.
        return 0.0
