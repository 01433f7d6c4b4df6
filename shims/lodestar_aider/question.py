"""The question at the end of a session's time: one key, and silence never extends it."""

from __future__ import annotations

import math
import os
import re
import select
import shutil
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

TIMEOUT_S = 15.0
QUIET_S = 0.7
"""Nobody types on for so long: then the question is shown, and a key is an answer."""
TYPING_S = 5.0
"""But it is shown after so long at the latest."""
APART_S = 0.35
"""A key that comes sooner after another one belongs to what is being typed."""
SLICE_S = 1.0
"""A stopped process goes on where it was: no look at the keys counts for more than this."""
KEYS = "[1] 15 min more  [3] 30 min more  [s]top"
MINUTES: Mapping[str, int] = {"1": 15, "3": 30}
STOP = frozenset("s\x03\x04")
CLEAR = "\r\x1b[2K"
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """How many minutes more, None to stop; and what was typed that was no answer.

    `silent` says that no key decided it.
    """

    minutes: int | None
    typed: str
    silent: bool = False


def can_ask() -> bool:
    """Whether there is a terminal on which a key can be read."""
    streams = (sys.stdin, sys.stdout)
    if os.environ.get("TERM") in (None, "", "dumb"):
        return False
    return all(stream is not None and stream.isatty() for stream in streams)


def ask(timeout_s: float = TIMEOUT_S) -> Answer:
    """Ask for one key. What was being typed is not taken for an answer, and is not lost."""
    fd = sys.stdin.fileno()
    with _single_keys(fd):
        try:
            typed = _until_quiet(fd)
            return _wait(fd, typed, timeout_s)
        except OSError:
            # The terminal is gone.
            return Answer(None, "", silent=True)
        finally:
            _write(CLEAR)


def _until_quiet(fd: int) -> str:
    typed, end = b"", time.monotonic() + TYPING_S
    while time.monotonic() < end and _ready(fd, QUIET_S):
        data = os.read(fd, 4096)
        if not data:
            break
        typed += data
    return text_of(typed)


def _wait(fd: int, typed: str, timeout_s: float) -> Answer:
    left, last, shown = timeout_s, -APART_S, -1
    while left > 0:
        if math.ceil(left) != shown:
            shown = math.ceil(left)
            _write(f"{CLEAR}{f'{KEYS}  {shown}s'[: _columns() - 1]}")
        before = time.monotonic()
        ready = _ready(fd, min(left, left % 1 + 0.01))
        now = time.monotonic()
        left -= min(now - before, SLICE_S)
        if not ready:
            continue
        data = os.read(fd, 1024)
        key = data.decode("utf-8", "ignore").lower()
        if not data or key in STOP:
            return Answer(None, typed, silent=not data)
        if key in MINUTES and now - last >= APART_S:
            return Answer(MINUTES[key], typed)
        typed, last = text_of((typed + key).encode()), now
    return Answer(None, typed, silent=True)


def text_of(data: bytes) -> str:
    """What the keys wrote: the last one is taken back by Backspace, arrows and such are none."""
    text: list[str] = []
    for mark in _ESCAPES.sub("", data.decode("utf-8", "ignore")).replace("\r", "\n"):
        if mark in "\x7f\b":
            del text[-1:]
        elif mark.isprintable() or mark == "\n":
            text.append(mark)
    return "".join(text)


@contextmanager
def _single_keys(fd: int) -> Iterator[None]:
    """Keys one by one, unechoed, Ctrl-C as a key; what waits in the input can be read, too."""
    before = termios.tcgetattr(fd)
    mode = termios.tcgetattr(fd)
    mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    try:
        termios.tcsetattr(fd, termios.TCSANOW, mode)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSANOW, before)


def _ready(fd: int, seconds: float) -> bool:
    return bool(select.select([fd], [], [], max(0.0, seconds))[0])


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _columns() -> int:
    return shutil.get_terminal_size().columns
