"""The question at the end of a session: one key, no Enter, and silence is never a vote."""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from lodestar.terminal import interactive, one_line

GUARD_S = 0.35
REASON_TIMEOUT_S = 5.0
SEQUENCE_S = 0.05
CLEAR = "\r\x1b[2K"
VERDICTS: Mapping[str, Literal["good", "bad"]] = {"g": "good", "b": "bad"}
REASONS = {"w": "wrong", "i": "incomplete", "f": "format", "o": "overmuch"}
SKIP = frozenset("s \r\n\x1b\x03\x04")
INTERRUPT = frozenset("\x03\x04")


@dataclass(frozen=True)
class Answer:
    """`verdict` None is a skip; `how`: key, timeout, interrupt, no terminal or end of input."""

    verdict: Literal["good", "bad"] | None
    reason: str | None
    how: str


@dataclass(frozen=True)
class _Key:
    """One key pressed, or None and why there was none."""

    key: str | None
    how: str


def ask(
    question_line: str,
    timeout_s: float,
    show_diff: Callable[[], None] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Answer:
    """Ask on the terminal whether the change helped; returns within `timeout_s`, or skips at once.

    What was typed before the question is dropped. `d` calls `show_diff` and asks again.
    """
    if not interactive(environ):
        return Answer(None, None, "no terminal")
    _write(one_line(question_line, _columns()) + "\n")
    diff = " [d]iff" if show_diff else ""
    wanted = frozenset(VERDICTS) | SKIP | (frozenset("d") if show_diff else frozenset())
    while True:
        found = _press(f"[g]ood  [b]ad  [s]kip {diff}", wanted, timeout_s, GUARD_S)
        if found.key != "d" or show_diff is None:
            break
        _look(show_diff)
    verdict = VERDICTS.get(found.key or "")
    how = "interrupt" if found.key and found.key in INTERRUPT else found.how
    return Answer(verdict, _reason() if verdict == "bad" else None, how)


def _reason() -> str | None:
    text = "why? [w]rong  [i]ncomplete  [f]ormat  [o]vermuch  Enter: none"
    found = _press(text, frozenset(REASONS) | SKIP, REASON_TIMEOUT_S, 0.0)
    return REASONS.get(found.key or "")


def _look(show_diff: Callable[[], None]) -> None:
    try:
        show_diff()
    except KeyboardInterrupt:
        # Leaving the pager with Ctrl-C is not leaving the question.
        return


def _press(text: str, wanted: frozenset[str], timeout_s: float, guard_s: float) -> _Key:
    fd = sys.stdin.fileno()
    line = _Line(text)
    with _single_keys(fd):
        _drain(fd, guard_s)
        try:
            return _wait(fd, line, wanted, time.monotonic() + timeout_s)
        finally:
            line.clear()


def _wait(fd: int, line: _Line, wanted: frozenset[str], deadline: float) -> _Key:
    while (left := deadline - time.monotonic()) > 0:
        line.show(int(left) + 1)
        if not _ready(fd, min(left, left % 1 + 0.01)):
            continue
        data = _read(fd)
        if not data:
            return _Key(None, "end of input")
        key = _single(data)
        if key in wanted:
            return _Key(key, "key")
    return _Key(None, "timeout")


def _single(data: bytes) -> str:
    """The one key that the bytes are, or "" for an arrow key, a paste, and the like."""
    text = data.decode("utf-8", "ignore").lower()
    plain = text.rstrip("\r\n") or text[:1]
    return plain if len(plain) == 1 else ""


def _read(fd: int) -> bytes:
    """What was typed; empty where the terminal is gone."""
    try:
        return _whole(fd, os.read(fd, 1024))
    except OSError:
        return b""


def _whole(fd: int, data: bytes) -> bytes:
    # The rest of an escape sequence follows at once; Esc alone has no rest.
    while data.startswith(b"\x1b") and len(data) < 1024 and _ready(fd, SEQUENCE_S):
        more = os.read(fd, 1024)
        if not more:
            break
        data += more
    return data


def _drain(fd: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if _ready(fd, left) and not os.read(fd, 1024):
            return


def _ready(fd: int, seconds: float) -> bool:
    return bool(select.select([fd], [], [], max(0.0, seconds))[0])


@contextmanager
def _single_keys(fd: int) -> Iterator[None]:
    """Keys one by one, unechoed, Ctrl-C as a key; what waits in the input is dropped."""
    before = termios.tcgetattr(fd)
    mode = termios.tcgetattr(fd)
    mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    try:
        termios.tcsetattr(fd, termios.TCSAFLUSH, mode)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


class _Line:
    """The line of keys, with the seconds left where the terminal can rewrite it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._shown: int | None = None
        self._dumb = os.environ.get("TERM") in (None, "", "dumb")

    def show(self, seconds: int) -> None:
        if seconds == self._shown or (self._dumb and self._shown is not None):
            return
        self._shown = seconds
        text = f"{self._text}  {seconds}s"[: _columns() - 1]
        _write(text if self._dumb else f"{CLEAR}{text}")

    def clear(self) -> None:
        _write("\n" if self._dumb else CLEAR)


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _columns() -> int:
    return shutil.get_terminal_size().columns
