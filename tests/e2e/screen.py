"""`lodestar code` on a terminal."""

from __future__ import annotations

from typing import Any

import pexpect

from tests.aider.terminal import Terminal
from tests.e2e.conftest import LODESTAR, Machine


class Screen(Terminal):
    """A terminal that knows the supervisor's pid."""

    def __init__(self, child: Any) -> None:
        super().__init__(child)
        self.pid: int = child.pid

    def wait_briefly(self, words: str, seconds: float = 2) -> bool:
        """Whether the words are written within a moment."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: words in self.text, seconds))


def open_screen(machine: Machine, *arguments: str) -> Screen:
    """Start `lodestar code` on a terminal of 30 x 100."""
    child = pexpect.spawn(
        str(LODESTAR),
        ["code", *arguments],
        cwd=machine.project,
        env=machine.environ,
        dimensions=(30, 100),
        encoding="utf-8",
        codec_errors="replace",
    )
    return Screen(child)
