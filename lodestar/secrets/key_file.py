"""`keys.yaml` in Lodestar's home: commands that print a key, and keys kept in the clear.

It is the user's own file and no part of the settings: no project, profile or variable adds to it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lodestar.errors import CredentialsError
from lodestar.paths import KEY_FILE, Home, write_private

NAME = KEY_FILE
LIMIT = 256 * 1024
_HEAD = (
    "# Written by `lodestar keys set`. Whoever may change this file can have programs run as you.\n"
)


@dataclass(frozen=True)
class Kept:
    """What is kept under one name: a command that prints the key, or the key."""

    command: str | None = None
    key: str | None = None


class KeyFile:
    """The entries of a home's keys.yaml, by the names of their accounts."""

    def __init__(self, home: Home) -> None:
        self.path = home.root / NAME

    def get(self, name: str) -> Kept:
        """The entry of a name; empty where there is none. Raises CredentialsError."""
        return self.entries().get(name, Kept())

    def entries(self) -> dict[str, Kept]:
        """All entries. Raises CredentialsError where the file is open to others, or damaged."""
        return {name: _entry(self.path, name, entry) for name, entry in self._read().items()}

    def set(self, name: str, kept: Kept) -> None:
        """Replace the entry of a name."""
        fields = {"command": kept.command, "key": kept.key}
        entry = {field: value for field, value in fields.items() if value is not None}
        self._write({**self._read(), name: entry})

    def remove(self, name: str) -> bool:
        """Take an entry out, and the file with the last one; False where there was none."""
        entries = dict(self._read())
        if entries.pop(name, None) is None:
            return False
        if entries:
            self._write(entries)
        else:
            self.path.unlink()
        return True

    def _read(self) -> Mapping[str, Any]:
        try:
            # A pipe of that name must not make us wait; a link may lead to a file of others.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            handle = os.open(self.path, flags)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unusable(str(error.strerror), "make it a file of your own") from None
        with open(handle, "rb") as file:
            self._check(os.fstat(handle))
            data = file.read(LIMIT)
        try:
            entries = yaml.safe_load(data) or {}
        except (ValueError, RecursionError, yaml.YAMLError):
            # Without the parser's words, which quote what may be a key.
            raise self._unusable("it is not valid YAML", "correct it") from None
        if not isinstance(entries, dict):
            raise self._unusable("it does not hold `name: entry` lines", "correct it")
        return entries

    def _check(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise self._unusable("it is not a plain file", "make it a file of your own")
        if status.st_uid != os.getuid():
            raise self._unusable("it belongs to somebody else", "make it a file of your own")
        if status.st_mode & 0o077:
            do = f"chmod 600 {self.path}; if others use this machine, change the keys in it"
            raise self._unusable("others have rights on it", do)

    def _write(self, entries: Mapping[str, Any]) -> None:
        text = yaml.safe_dump(dict(entries), sort_keys=True, allow_unicode=True)
        write_private(self.path, _HEAD + text)

    def _unusable(self, why: str, do: str) -> CredentialsError:
        return CredentialsError(f"{self.path} is not used", why, do)


def _entry(path: Path, name: object, entry: Any) -> Kept:
    fields = entry if isinstance(entry, dict) else {}
    known = fields.keys() <= {"command", "key"} and len(fields) == 1
    if not known or not all(isinstance(value, str) for value in fields.values()):
        why = f"its entry `{name}` is neither `command: ...` nor `key: ...`"
        raise CredentialsError(f"{path} is not used", why, "correct it, or take the entry out")
    return Kept(**fields)
