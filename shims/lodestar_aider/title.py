"""The terminal's title, for what is to be seen from another window."""

from __future__ import annotations

import os
import sys

# Where xterm and its kin keep titles: put ours on top, later take it off again.
SAVE, RESTORE = "\x1b[22;2t", "\x1b[23;2t"
WITHOUT = ("", "dumb", "linux")
"""Terminals without a title, some of which would print it."""


class Title:
    """Shows a title from the first one on until the end, when the user's own comes back."""

    def __init__(self) -> None:
        self._saved = False
        self._lasting = ""
        self._passing = ""

    def show(self, text: str) -> None:
        """Make it the title; nothing where it is empty or the terminal has none."""
        self._lasting = printable(text) or self._lasting
        if text and not self._passing:
            self._write(self._lasting)

    def pass_by(self, text: str) -> None:
        """Make it the title until this is called with nothing: then the former one is back."""
        text = printable(text)
        if text == self._passing:
            return
        self._passing = text
        if text or self._lasting:
            self._write(text or self._lasting)
        else:
            self.restore()

    def _write(self, text: str) -> None:
        if not text or not _has_title():
            return
        sys.stdout.write(f"{'' if self._saved else SAVE}\x1b]2;{text}\x07")
        sys.stdout.flush()
        self._saved = True

    def restore(self) -> None:
        """Bring back the title from before the first one."""
        if self._saved:
            self._saved = False
            sys.stdout.write(RESTORE)
            sys.stdout.flush()


def printable(text: str) -> str:
    """One line of text without control characters, which could drive the terminal."""
    return "".join(mark for mark in " ".join(text.split()) if mark.isprintable())


def _has_title() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in WITHOUT
