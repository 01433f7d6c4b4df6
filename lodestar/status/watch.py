"""The status again and again, until `q` or Ctrl-C; the terminal is left as it was."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from signal import SIGHUP, SIGTERM

EVERY_S = 2.0
Frame = Callable[[int | None], list[str]]
"""The lines of the screen for a width; None where it does not matter."""
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def on_screen(frame: Frame, every_s: float = EVERY_S) -> None:
    """Draw over itself on a screen of its own, which is gone afterwards."""
    with suppress(KeyboardInterrupt), _screen(), _keys() as pressed:
        while True:
            _draw(frame)
            if pressed(every_s):
                return


def in_lines(frame: Frame, every_s: float = EVERY_S) -> None:
    """One after the other, for a pipe and a terminal that knows no control sequences."""
    with suppress(KeyboardInterrupt):
        while True:
            print("\n".join(frame(None)), end="\n\n", flush=True)  # noqa: T201
            time.sleep(every_s)


def _draw(frame: Frame) -> None:
    size = shutil.get_terminal_size()
    shown, room = frame(size.columns), max(1, size.lines - 1)
    if len(shown) > room:
        shown = [*shown[: room - 1], f"… {len(shown) - room + 1} more lines"]
    text = "".join(f"{line}{_CLEAR_LINE}\r\n" for line in shown)
    sys.stdout.write(f"{_HOME}{text}{_CLEAR_BELOW}")
    sys.stdout.flush()


@contextmanager
def _screen() -> Iterator[None]:
    """A screen of its own; also `kill` and a closed window leave the terminal as it was."""
    before = {number: signal.signal(number, _leave) for number in (SIGTERM, SIGHUP)}
    sys.stdout.write(_ENTER)
    sys.stdout.flush()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _keys() -> Iterator[Callable[[float], bool]]:
    """Waits so long for a `q`; True once it came, or once nobody can press keys any more."""
    if not sys.stdin.isatty():
        yield _sleeping
        return
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    try:
        tty.setcbreak(handle)
        yield lambda wait_s: _quits(handle, wait_s)
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)


def _quits(handle: int, wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([handle], [], [], left)[0]:
            return False
        key = os.read(handle, 64)
        if not key or b"q" in key.lower():
            return True
    return False


def _sleeping(wait_s: float) -> bool:
    time.sleep(wait_s)
    return False
