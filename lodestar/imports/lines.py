"""Reading a file that anybody may have made: line by line, in bounded memory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from lodestar.errors import LodestarError, UsageError

NAMED = 20
"""Lines that were not understood and are kept to be named; the rest is counted."""
_PIECE = 1 << 20


@dataclass(frozen=True)
class Line:
    """One line, without its end. `whole` is False where the file ends in the middle of it."""

    number: int
    text: str
    whole: bool = True
    too_long: bool = False


@dataclass
class Reading:
    """What was read, and which lines were not understood, with the reason."""

    lines: int = 0
    sessions: int = 0
    messages: int = 0
    not_understood: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)

    def odd(self, line: int, why: str) -> None:
        """Note a line that was left out."""
        self.not_understood += 1
        if len(self.examples) < NAMED:
            self.examples.append((line, why))


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file, for reading. Raises UsageError for all else, LodestarError for a fault."""
    try:
        # A pipe of that name must not make us wait.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        why = str(getattr(error, "strerror", None) or error)
        raise UsageError(f"cannot read {path}", why, "name a file that is there") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UsageError(f"cannot read {path}", "it is no file", "name a file")
    with open(handle, "rb") as stream:
        try:
            yield stream
        except OSError as error:
            why = str(error.strerror or error)
            raise LodestarError(f"cannot read {path}", why, "look at the disk it is on") from error


def lines_of(stream: BinaryIO, longest: int) -> Iterator[Line]:
    """Its lines; of one that is longer than `longest` bytes only the beginning."""
    number = 0
    while data := stream.readline(longest):
        number += 1
        whole, too_long = data.endswith(b"\n"), False
        if not whole and len(data) == longest:
            too_long, whole = True, _skip(stream)
        yield Line(number, data.decode("utf-8", "replace").rstrip("\r\n"), whole, too_long)


def _skip(stream: BinaryIO) -> bool:
    """Read to the end of the line; whether it has one."""
    while piece := stream.readline(_PIECE):
        if piece.endswith(b"\n"):
            return True
    return False
