"""A terminal in memory with a program on it: what a person would see, cell by cell."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pexpect
import pyte

PATIENCE_S = 60.0
"""A start of Aider takes seconds of CPU, and the machine may be busy."""
QUIET_S = 0.4


class _Window(pyte.Screen):
    """pyte's screen; a program that asks where the cursor is gets an answer."""

    answer: Callable[[str], object]

    def write_process_input(self, data: str) -> None:
        self.answer(data)

    def report_device_status(self, mode: int, **_: Any) -> None:
        super().report_device_status(mode)


class Emulator:
    """Reads all the time. `text` is what the window shows, `said` what was ever on it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        cwd: Path,
        environ: Mapping[str, str],
        rows: int = 30,
        columns: int = 100,
    ) -> None:
        program, *arguments = map(str, command)
        self._child = pexpect.spawn(
            program, arguments, cwd=str(cwd), env=dict(environ), dimensions=(rows, columns)
        )
        os.set_inheritable(self._child.child_fd, False)
        self.window = _Window(columns, rows)
        self.window.answer = self._child.send
        self._stream = pyte.ByteStream(self.window)
        self._raw = b""
        self._changed = threading.Condition()
        self._last = time.monotonic()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Emulator:
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.close(force=True)
        self._reader.join(PATIENCE_S)

    @property
    def lines(self) -> list[str]:
        """The window's rows, without spaces at their ends."""
        with self._changed:
            return [row.rstrip() for row in self.window.display]

    @property
    def text(self) -> str:
        """The window's rows as one text."""
        return "\n".join(self.lines)

    @property
    def said(self) -> str:
        """All that the program wrote, escape sequences too."""
        with self._changed:
            return self._raw.decode("utf-8", "replace")

    def send(self, keys: str) -> None:
        """Press keys."""
        self._child.send(keys)

    def see(self, *words: str) -> str:
        """Wait until the window shows all of these; returns its text."""
        return self.until(lambda text: all(word in text for word in words), f"no {words!r}")

    def gone(self, *words: str) -> str:
        """Wait until the window shows none of these; returns its text."""
        return self.until(lambda text: not any(word in text for word in words), f"still {words!r}")

    def until(self, seen: Callable[[str], bool], complaint: str = "not as expected") -> str:
        """Wait until the window is as wanted; returns its text."""
        with self._changed:
            if self._changed.wait_for(lambda: seen(self.text), PATIENCE_S):
                return self.text
        raise TimeoutError(f"{complaint} on\n{self.text}")

    def settle(self, seconds: float = QUIET_S) -> str:
        """Wait until nothing was written for a moment; returns the window's text."""
        deadline = time.monotonic() + PATIENCE_S
        while (left := self._last + seconds - time.monotonic()) > 0:
            if time.monotonic() > deadline:
                raise TimeoutError(f"it never stops writing:\n{self.text}")
            time.sleep(left)
        return self.text

    def exit_code(self) -> int | None:
        """Wait for the program's end; None where a signal ended it."""
        self._reader.join(PATIENCE_S)
        if self._reader.is_alive():
            raise TimeoutError(f"still running:\n{self.text}")
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
                self._last = time.monotonic()
                self._stream.feed(piece)
                self._changed.notify_all()
