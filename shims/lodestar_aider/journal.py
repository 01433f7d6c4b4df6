"""Edits that await their commit, on disk before each write: Aider may be killed at any moment."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from lodestar_aider.compat import Need
from lodestar_aider.patch import Function, wrap
from lodestar_aider.turns import Turns

CODER = "aider.coders.base_coder"
NEEDS = (
    Need(CODER, "Coder.apply_updates", ("self",)),
    Need("aider.io", "InputOutput.write_text", ("self", "filename", "content")),
)


class Journal:
    """The files that Aider has written, or is about to, and has not committed yet.

    The supervisor reads it when the session is over, or the next one when both are dead. It
    only names candidates: git has the last word.
    """

    def __init__(self, path: str, turns: Turns) -> None:
        """An empty `path` keeps nothing."""
        self._path = path
        self._turns = turns
        # Asked now: an orphan's parent is somebody else.
        self._owner = os.getppid()
        self._root = ""
        self._before: dict[str, str | None] = {}
        self._editing = False

    def install(self) -> None:
        """Wrap the methods named in `NEEDS`."""
        wrap(importlib.import_module(CODER).Coder, "apply_updates", self._apply_updates)
        wrap(importlib.import_module("aider.io").InputOutput, "write_text", self._write_text)

    def committed(self, root: str, files: Iterable[str]) -> None:
        """These files, relative to the repository's root, are in a commit now."""
        before = len(self._before)
        for name in files:
            self._before.pop(os.path.realpath(os.path.join(root, name)), None)
        if len(self._before) != before:
            self._save()

    def _apply_updates(self, original: Function) -> Function:
        def apply_updates(coder: Any) -> Any:
            self._root = str(coder.root)
            # Who turned the commits off does not wait for one.
            self._editing = bool(coder.repo and coder.auto_commits and not coder.dry_run)
            try:
                return original(coder)
            finally:
                self._editing = False

        return apply_updates

    def _write_text(self, original: Function) -> Function:
        def write_text(io: Any, filename: Any, *args: Any, **kwargs: Any) -> Any:
            if self._editing:
                self._note(os.path.realpath(str(filename)))
            return original(io, filename, *args, **kwargs)

        return write_text

    def _note(self, name: str) -> None:
        if name not in self._before:
            self._before[name] = _digest(name)
            self._save()

    def _save(self) -> None:
        if not self._path:
            return
        # A full disk costs the note, not the edit.
        with suppress(OSError):
            if not self._before:
                os.unlink(self._path)
                return
            data = {
                "owner": self._owner,
                "root": self._root,
                "request": self._turns.request,
                "files": self._before,
            }
            draft = f"{self._path}.new"
            with open(draft, "w", encoding="ascii", opener=_private) as file:
                json.dump(data, file)
            os.replace(draft, self._path)


def _digest(name: str) -> str | None:
    """What the file holds, None where there is none."""
    try:
        with open(name, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
