"""Log files: private to the user, of bounded size, and without the secrets that are known."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lodestar.redaction import Redactor

LOG_BYTES = 1 << 20
"""A log file is hardly larger; one older part of it is kept beside it, as `NAME.1`."""


class RedactedLines(logging.Formatter):
    """Formats a record, its traceback included, and takes the secrets out."""

    def __init__(self, layout: str, redactor: Callable[[], Redactor]) -> None:
        """`redactor` is called for each record: most commands never write one."""
        super().__init__(layout)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        # What redaction says of its own failure holds no text, and would fail again.
        return text if record.name == "lodestar.redaction" else self._redactor().text(text)


class BoundedFile(RotatingFileHandler):
    """A log file that several processes write, each line at its end. Raises OSError."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "a", LOG_BYTES, 1, "utf-8", errors="backslashreplace")

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 (logging's name)
        """Whether it is full; another process may have put a new one in its place."""
        if self.stream and self._is_replaced(self.stream):
            self.stream.close()
            self.stream = self._open()
        return bool(super().shouldRollover(record))

    def _is_replaced(self, stream: TextIOWrapper) -> bool:
        try:
            now, mine = os.stat(self.baseFilename), os.fstat(stream.fileno())
        except OSError:
            return True
        return not os.path.samestat(now, mine)

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", errors=self.errors, opener=private)


class BoundedStderr(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to stderr; where that is a file it is emptied once it is full.

    Whoever started the process opened it for appending: everybody goes on at its new end.
    """

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):
            descriptor = self.stream.fileno()
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_size > LOG_BYTES:
                os.ftruncate(descriptor, 0)
                self.stream.write("(what stood here was too much to keep)\n")
        super().emit(record)


def put_aside(path: Path) -> Path:
    """The same path, whose file, if it is full, has become `NAME.1`."""
    with suppress(OSError):
        if path.stat().st_size > LOG_BYTES:
            os.replace(path, f"{path}.1")
    return path


def private(path: str, flags: int) -> int:
    """Opens a file that only its owner may read."""
    return os.open(path, flags, 0o600)
