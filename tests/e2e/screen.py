"""`lodestar code` on a terminal, alone or under a shell."""

from __future__ import annotations

import os
import termios
from typing import Any

import pexpect

from tests.aider.fake_openai import DEADLINE_S
from tests.aider.terminal import Terminal
from tests.e2e.conftest import LODESTAR, Machine

SHELL_PROMPT = "shell$ "


class Screen(Terminal):
    """A terminal that knows the pid on it, and how it was before."""

    def __init__(self, child: Any) -> None:
        super().__init__(child)
        self._before = self._settings()

    def wait_briefly(self, words: str, seconds: float = 2) -> bool:
        """Whether the words are written within a moment."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: words in self.text, seconds))

    def wait_after(self, words: str, position: int) -> None:
        """Wait until the words were written after so much of the text."""
        with self._changed:
            if not self._changed.wait_for(lambda: words in self.text[position:], DEADLINE_S):
                raise TimeoutError(f"no {words!r} in {self.text[position:]!r}")

    def is_as_before(self) -> bool:
        """Whether the terminal's settings are those of its start, and the cursor is shown."""
        shown = self._raw.rfind("\x1b[?25h") >= self._raw.rfind("\x1b[?25l")
        return shown and self._settings() == self._before

    def hang_up(self) -> None:
        """Close the window."""
        self._child.close(force=False)

    def _settings(self) -> list[Any]:
        return termios.tcgetattr(self._child.child_fd)


def open_screen(machine: Machine, *arguments: str, **environ: str) -> Screen:
    """Start `lodestar code` on a terminal of 30 x 100."""
    return _open(machine, str(LODESTAR), ["code", *arguments], environ)


def open_shell(machine: Machine) -> Screen:
    """Start a shell with job control on a terminal."""
    return _open(machine, "bash", ["--norc", "--noprofile", "-i"], {"PS1": SHELL_PROMPT})


def _open(machine: Machine, program: str, arguments: list[str], environ: dict[str, str]) -> Screen:
    child = pexpect.spawn(
        program,
        arguments,
        cwd=machine.project,
        env={**machine.environ, **environ},
        dimensions=(30, 100),
        encoding="utf-8",
        codec_errors="replace",
    )
    os.set_inheritable(child.child_fd, False)
    return Screen(child)
