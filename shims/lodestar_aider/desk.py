"""What the shim wants the user to see, and when it may be shown."""

from __future__ import annotations

import importlib
import shutil
import signal
import sys
import textwrap
import threading
from typing import Any

from lodestar_aider import status_line
from lodestar_aider.channel import End, News, Notice
from lodestar_aider.title import Title, printable

HEAD = "[lodestar] "
SILENT = "Lodestar does not answer just now"
YELLOW, PLAIN = "\x1b[33m", "\x1b[0m"


class Desk:
    """Holds notices, the status line and a request to end until Aider's prompt can take them.

    Never touches the terminal while an answer streams, but for its title while a request waits.
    Never ends a y/n question: there Aider takes an end of input for Yes. Methods may be called
    from any thread, except those that say otherwise.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notices: list[Notice] = []
        self._last = 0
        self._end: End | None = None
        self._length = 0
        self._cut = False
        self._typed = ""
        self._lines: list[str] = []
        self._status: list[str] = []
        self._drawn: list[str] = []
        self._model: str | None = None
        self._io: Any = None
        self._waiting = False
        self._title = Title()

    @property
    def last(self) -> int:
        """The id of the newest notice received."""
        return self._last

    @property
    def model(self) -> str | None:
        """What Aider uses now; None before its first prompt."""
        return self._model

    @property
    def status(self) -> list[str]:
        """The parts of the status line."""
        return self._status

    def take(self, news: News, model: str | None = None) -> None:
        """Accept an answer of the shim and show what can be shown now.

        `model` is the one that was asked about: Aider may use another by now.
        """
        with self._lock:
            fresh = [notice for notice in news.notices if notice.id > self._last]
            self._notices += fresh
            self._last = max([self._last, *(notice.id for notice in fresh)])
            if self._end is None or self._end.minutes is not None:
                self._end = None if self._answered(news.end) else news.end
            if model == self._model:
                self._status = news.status
        self._title.pass_by(f"Lodestar waits: {news.waits}" if news.waits else "")
        self.refresh()

    def refresh(self) -> None:
        """Show what is due, if the user is at an idle prompt."""
        io = self._io
        if io is None or not self._waiting:
            return
        if io.prompt_session is None:
            self._wake_plain_input()
            return
        self._show_status(io)
        app = io.prompt_session.app
        if app.is_running and app.loop and (self._notices or self._end):
            try:
                app.loop.call_soon_threadsafe(self._in_app, app)
            except RuntimeError:
                # The prompt was left just now; what is due stays for the next one.
                return

    def hear_nothing(self) -> None:
        """The shim has not answered for a while: what it said before may be wrong by now."""
        with self._lock:
            self._status = [SILENT]
        self.refresh()

    def use(self, model: str | None) -> None:
        """Aider uses this model now: what was said of another one is not shown any more."""
        with self._lock:
            if model != self._model:
                self._model, self._status = model, []

    def open_prompt(self, io: Any) -> None:
        """The prompt is about to show (main thread); raises EOFError when the session is over."""
        self._io, self._cut, self._typed, self._lines = io, False, "", []
        self._print_at_prompt()
        if self._end is not None:
            self._cut = True
            raise EOFError
        if io.prompt_session is None:
            self._print_status()
            self._listen_for_wake()
        else:
            self._show_status(io)
        self._waiting = True

    def close_prompt(self) -> None:
        """The user has answered."""
        self._waiting = False

    def print_notices(self) -> list[Notice]:
        """Write the notices that are due to stdout; the cursor must be at a line's start."""
        with self._lock:
            due, self._notices = self._notices, []
        for notice in due:
            self.say(notice.text, warn=notice.level == "warn")
        return due

    def leave(self) -> None:
        """Aider is over: the terminal gets its own title back."""
        self._title.restore()

    def _print_at_prompt(self) -> None:
        for notice in self.print_notices():
            self._title.show(notice.title)

    def _in_app(self, app: Any) -> None:
        """Runs in the prompt's event loop."""
        if not self._waiting or app.is_done:
            return
        if self._end is not None:
            self._cut, self._typed = True, self._io.prompt_session.default_buffer.text
            app.exit(exception=EOFError)
            return
        toolkit = importlib.import_module("prompt_toolkit.application")
        with importlib.import_module("prompt_toolkit.application.current").set_app(app):
            toolkit.run_in_terminal(self._print_at_prompt)

    def line_read(self, line: str) -> None:
        """A line was entered at the open prompt; Aider collects several between braces."""
        if self._waiting:
            self._lines.append(line)

    @property
    def cut(self) -> bool:
        """Whether the last prompt was closed for the session's end, and not by the user."""
        return self._cut

    def closed_for(self) -> tuple[End | None, str]:
        """The end for which the prompt was cut, and what was typed there; the end is told here.

        The end is None where it has been put off meanwhile.
        """
        self._waiting, end = False, self._end
        self.print_notices()
        if end is not None:
            self.say(end.reason, warn=True)
        return end, "\n".join([*self._lines[1:], self._typed])

    def goes_on(self, minutes: int) -> None:
        """The session is so long now; an end that was on its way before counts no more."""
        with self._lock:
            # The status is that of the end.
            self._length, self._status = minutes, []
            if self._end is not None and self._end.minutes is not None:
                self._end = None

    def _answered(self, end: End | None) -> bool:
        return end is not None and end.minutes is not None and end.minutes < self._length

    def _show_status(self, io: Any) -> None:
        session, status = io.prompt_session, self._status
        # Made anew at each drawing: the window may have another width by then.
        session.bottom_toolbar = self._bar if status and sys.stdout.isatty() else None
        if status != self._drawn:
            self._drawn = status
            session.app.invalidate()

    def _bar(self) -> status_line.Fragments:
        columns = self._io.prompt_session.output.get_size().columns
        return status_line.bar(self._status, columns, self._io.pretty)

    def _print_status(self) -> None:
        """Where the prompt is a plain line of text: above it, whenever it says something new."""
        if self._status and self._status != self._drawn and sys.stdout.isatty():
            self._drawn = self._status
            room = shutil.get_terminal_size().columns - len(HEAD) - 1
            self._write(f"{HEAD}{status_line.fitted(self._status, max(1, room))}")

    def say(self, text: str, warn: bool = False) -> None:
        """Write a line; only where no answer and no prompt is on the screen."""
        line = _folded(f"{HEAD}{printable(text)}")
        coloured = warn and self._io is not None and self._io.pretty
        self._write(f"{YELLOW}{line}{PLAIN}" if coloured else line)

    @staticmethod
    def _write(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def _listen_for_wake(self) -> None:
        if hasattr(signal, "SIGUSR1"):
            signal.signal(signal.SIGUSR1, self._woken)

    def _wake_plain_input(self) -> None:
        # Only a signal gets the main thread out of `input()`; its handler decides there,
        # in the main thread, whether the prompt is still open.
        main = threading.main_thread().ident
        if self._end is not None and main and hasattr(signal, "SIGUSR1"):
            signal.pthread_kill(main, signal.SIGUSR1)

    def _woken(self, number: int, frame: Any) -> None:
        if self._waiting and self._end is not None:
            self._waiting, self._cut = False, True
            sys.stdout.write("\n")
            raise EOFError


def _folded(line: str) -> str:
    """The line, broken between words where the terminal would break it anywhere."""
    columns = shutil.get_terminal_size().columns
    if not sys.stdout.isatty() or len(line) < columns:
        return line
    how: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
    return "\n".join(textwrap.wrap(line, max(20, columns - 1), subsequent_indent="  ", **how))
