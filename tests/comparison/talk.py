"""A session at Aider's prompt, one line after the other."""

from __future__ import annotations

import re

from tests.comparison.desks import Desk
from tests.comparison.model import Model
from tests.pictures.emulator import Emulator

CLEAR, WIPE, TAB, UP = "\x0c", "\x15", "\t", "\x1b[A"
ALT_ENTER, CTRL_C, CTRL_D = "\x1b\r", "\x03", "\x04"
RULE = re.compile(r"^─+$")
STATUS = re.compile(r"^ (FREE|PAID) ")


class Talk:
    """What is typed, and what the window shows because of it."""

    def __init__(self, desk: Desk, model: Model, terminal: Emulator) -> None:
        self.desk = desk
        self.model = model
        self.terminal = terminal

    def say(self, *lines: str) -> str:
        """Type each line and wait for the next prompt; what the window shows from each on."""
        return "\n".join(self._say(line) for line in lines)

    def ask(self, line: str, question: str, answer: str) -> str:
        """Type a line, answer the question that it brings, wait for the prompt."""
        self.clear()
        self.terminal.send(f"{line}\r")
        self.terminal.see(question)
        self.terminal.send(f"{answer}\r")
        self.desk.prompt(self.terminal)
        return self.shown()

    def enter(self, line: str) -> str:
        """Type a line on a window that is not cleared."""
        self.terminal.send(f"{line}\r")
        self.terminal.see(f"> {line}"[:60])
        self.desk.prompt(self.terminal)
        return self.shown()

    def clear(self) -> None:
        """Leave the prompt alone on the window."""
        self.desk.prompt(self.terminal)
        self.terminal.send(CLEAR)
        self.terminal.until(lambda text: len(_said(text)) <= 2, "not cleared")

    def keys(self, *keys: str) -> None:
        """Press keys at the prompt."""
        for key in keys:
            self.terminal.send(key)

    def menu(self, typed: str, least: int = 1) -> str:
        """The completions that are shown for what is typed; then it is wiped out."""
        self.clear()
        self.keys(typed)
        self.terminal.until(lambda _: len(self._offered(typed)) >= least, "no menu")
        self.terminal.settle()
        found = " ".join(self._offered(typed))
        self.keys(WIPE)
        self.desk.prompt(self.terminal)
        return f"{typed}: {found}"

    def shown(self) -> str:
        """The window without rules, empty lines and the status line."""
        return self.desk.plainly("\n".join(_said(self.terminal.text)))

    def _say(self, line: str) -> str:
        self.clear()
        return self.enter(line)

    def _offered(self, typed: str) -> list[str]:
        return sorted(self.shown().partition(f"> {typed}")[2].split())


def _said(text: str) -> list[str]:
    # Where an answer comes slowly, Aider leaves its first word on the window.
    lines = [line for line in text.splitlines() if line.strip() not in ("", "Certainly")]
    return [line for line in lines if not RULE.match(line) and not STATUS.match(line)]
