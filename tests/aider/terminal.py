"""A terminal with Aider on it, read all the time so that its queries are answered."""

from __future__ import annotations

import re
import threading
import time
from types import TracebackType
from typing import Any

import pexpect

from tests.aider.fake_openai import DEADLINE_S

CURSOR_QUERY = "\x1b[6n"
ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>()][A-Z0-9]?)")


class Terminal:
    """Keeps all that was written, without escape sequences, in `text`."""

    def __init__(self, child: Any) -> None:
        self._child = child
        self._raw = ""
        self._answered = 0
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Terminal:
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.close(force=True)
        self._reader.join(DEADLINE_S)

    @property
    def pid(self) -> int:
        """Of the program on it."""
        return int(self._child.pid)

    @property
    def raw(self) -> str:
        """The same with its escape sequences."""
        return self._raw

    @property
    def text(self) -> str:
        """What was written so far, in the order written."""
        return ESCAPES.sub("", self._raw)

    def send(self, keys: str) -> None:
        """Press keys."""
        self._child.send(keys)

    def resize(self, rows: int, columns: int) -> None:
        """Make the window of another size; whoever is in front hears of it."""
        self._child.setwinsize(rows, columns)

    def redrawn(self, words: str, columns: int = 120) -> str:
        """Wait until a prompt of so many columns is drawn with the words in it; returns all of it.

        The prompt draws what is new, character by character, and all of it only where the window
        changes.
        """
        deadline = time.monotonic() + DEADLINE_S
        while True:
            self.resize(40, columns + 1)
            mark = len(self.text)
            self.resize(39, columns)
            with self._changed:
                self._changed.wait_for(lambda since=mark: words in self.text[since:], 0.5)
            drawn = self.text[mark:]
            if words in drawn:
                return drawn
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {words!r} in {drawn!r}")

    def wait(self, words: str, count: int = 1) -> None:
        """Wait until the words were written count times."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.text.count(words) >= count, DEADLINE_S):
                raise TimeoutError(f"no {words!r} in {self.text[-2000:]!r}")

    def wait_raw(self, piece: str, count: int = 1) -> None:
        """Wait until the piece was written count times, escape sequences and all."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._raw.count(piece) >= count, DEADLINE_S):
                raise TimeoutError(f"no {piece!r} in {self._raw[-2000:]!r}")

    def exit_code(self) -> int | None:
        """Wait for Aider to leave; None when a signal ended it."""
        self._reader.join(DEADLINE_S)
        if self._reader.is_alive():
            raise TimeoutError(f"still running: {self.text[-2000:]!r}")
        self._child.wait()
        code: int | None = self._child.exitstatus
        return code

    def _read(self) -> None:
        while True:
            try:
                piece = self._child.read_nonblocking(4096, timeout=0.2)
            except pexpect.TIMEOUT:
                continue
            except (pexpect.EOF, OSError, ValueError):
                break
            with self._changed:
                self._raw += piece
                self._answer_queries()
                self._changed.notify_all()

    def _answer_queries(self) -> None:
        while self._raw.count(CURSOR_QUERY) > self._answered:
            self._answered += 1
            self._child.send("\x1b[1;1R")
