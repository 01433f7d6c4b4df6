"""`lodestar dashboard` as a program on a real terminal, as a person would see it."""

from __future__ import annotations

import os
import re
import signal
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lodestar.modules.usage_tracker.tests.budget_cli import ledger
from lodestar.modules.usage_tracker.tests.dashboard_ledger import (
    EVIL_SHOWN,
    an_exchange,
    used,
)
from lodestar.store.store import Store
from tests.cli.conftest import home
from tests.pictures.emulator import Emulator

__all__ = ["home", "ledger", "used"]
SGR = re.compile(r"\x1b\[([0-9;:]*)m")
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Opened(Emulator):
    """A dashboard on a terminal whose settings before are known."""

    def __init__(self, *arguments: str, columns: int = 100, **environ: str) -> None:
        inherited = {k: v for k, v in os.environ.items() if k != "LODESTAR_NO_INPUT"}
        super().__init__(
            [sys.executable, "-m", "lodestar", "dashboard", *arguments],
            Path.cwd(),
            {**inherited, "TERM": "xterm-256color", **environ},
            columns=columns,
        )
        self.before = self._settings()

    def is_as_before(self) -> bool:
        """Whether settings, screen, cursor and mouse are those of the start."""
        said = self.said
        back = said.rfind(LEAVE) > said.rfind(ENTER)
        cursor = said.rfind("\x1b[?25h") > said.rfind("\x1b[?25l")
        mouse = said.rfind("\x1b[?1000l") >= said.rfind("\x1b[?1000h")
        return back and cursor and mouse and self._settings() == self.before

    def end(self, number: int) -> None:
        """Send a signal to the program."""
        os.kill(self._child.pid, number)

    def resize(self, rows: int, columns: int) -> None:
        """Make the window of another size."""
        with self._changed:
            self.window.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def _settings(self) -> list[Any]:
        return termios.tcgetattr(self._child.child_fd)


@pytest.fixture
def opened(used: str) -> Iterator[Opened]:
    """The dashboard of a ledger with hostile names."""
    with Opened() as screen:
        screen.see("Newest exchanges", "claude-sonnet")
        yield screen


def test_it_is_drawn_live_and_nothing_hostile_is_obeyed(
    opened: Opened, used: str, ledger: Store
) -> None:
    opened.see(EVIL_SHOWN, "[@click=app.quit]b", "1 Now", "2 Budgets", "q Leave", "/ Filter")
    assert "\x1b]0;x" not in opened.said
    an_exchange(ledger, used, paid=True)
    opened.see("today: 10 calls")
    opened.send("2")
    opened.see("no limit is set")
    opened.send("1")
    opened.see("Newest exchanges")
    opened.send("\r")
    opened.see("asked    claude-sonnet, edit", "esc Back")
    assert "\x1b[31mit" not in opened.said
    opened.send("q")
    assert opened.exit_code() == 0
    assert opened.is_as_before()


@pytest.mark.parametrize("end", ["\x03", signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_and_signals_leave_the_terminal_as_it_was(
    opened: Opened, end: str | signal.Signals
) -> None:
    if isinstance(end, str):
        opened.send(end)
        assert opened.exit_code() == 0
    else:
        opened.end(end)
        assert opened.exit_code() == 128 + end
    assert opened.is_as_before()
    assert "Traceback" not in opened.said


def test_another_size_of_the_window_is_drawn_anew(opened: Opened) -> None:
    opened.send("3")
    opened.see("Avoided", "Total")
    opened.resize(20, 44)
    text = opened.see("no room for", "Total", "Cash")
    assert all(len(row) <= 44 for row in text.splitlines())


def test_no_color_has_no_colour(used: str) -> None:
    with Opened(NO_COLOR="1") as screen:
        screen.see("Newest exchanges", "claude-sonnet")
        screen.send("q")
        assert screen.exit_code() == 0
        assert [code for code in SGR.findall(screen.said) if has_colour(code)] == []


def has_colour(code: str) -> bool:
    """Whether a sequence sets a colour that is no grey."""
    parts = code.split(";")
    if parts[0] in ("38", "48") and parts[1:2] == ["2"]:
        return len(set(parts[2:5])) > 1
    return parts[0] in {str(n) for n in (*range(30, 38), *range(40, 48), *range(90, 98))}


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {"CI": "1"}, {"LODESTAR_NO_INPUT": "1"}])
def test_a_dumb_terminal_and_ci_get_plain_text(used: str, environ: dict[str, str]) -> None:
    with Opened("models", columns=60, **environ) as screen:
        assert screen.exit_code() == 0
        lines = screen.said.replace("\r\n", "\n").splitlines()
    assert lines[0] == "Models"
    assert any(line.startswith("Total") for line in lines)
    assert all(len(line) <= 60 for line in lines)
    assert re.fullmatch(r"[\x20-\x7e\n]*", "\n".join(lines))
