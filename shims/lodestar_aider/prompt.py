"""Connects Aider's prompt and the shim's news."""

from __future__ import annotations

import importlib
import threading
import time
from typing import Any

from lodestar_aider.channel import Channel
from lodestar_aider.compat import Need
from lodestar_aider.desk import Desk
from lodestar_aider.ending import Ending
from lodestar_aider.events import Events
from lodestar_aider.patch import Function, wrap

NEEDS = (
    Need("aider.io", "InputOutput.get_input", ("self", "root", "rel_fnames")),
    Need("aider.io", "PromptSession.prompt", ("self", "message")),
    Need("aider.io", "InputOutput.set_placeholder", ("self", "placeholder")),
    Need("aider.io", "InputOutput.add_to_input_history", ("self", "inp")),
)
MOMENT_S = 0.3
"""So long the prompt waits for news at most."""
SILENT_S = 5.0
"""A shim that is started anew is back sooner."""


class Prompt:
    """Tells the desk when Aider waits for the user."""

    def __init__(self, desk: Desk, events: Events, ending: Ending, poller: Poller) -> None:
        self._desk = desk
        self._events = events
        self._ending = ending
        self._poller = poller

    def install(self) -> None:
        """Wrap Aider's reading of a message; y/n questions are read elsewhere."""
        module = importlib.import_module("aider.io")
        wrap(module.InputOutput, "get_input", self._get_input)
        wrap(module.PromptSession, "prompt", self._prompt)

    def _get_input(self, original: Function) -> Function:
        def get_input(io: Any, *args: Any, **kwargs: Any) -> Any:
            model = _model(*args, **kwargs)
            self._events.emit("idle", model=model)
            self._desk.use(model)
            # What the turn brought is shown before the prompt, not while the user types.
            self._poller.ask_now()
            while True:
                try:
                    self._desk.open_prompt(io)
                    return original(io, *args, **kwargs)
                except EOFError:
                    if not self._ending.put_off(io):
                        raise
                finally:
                    self._desk.close_prompt()

        return get_input

    def _prompt(self, original: Function) -> Function:
        def prompt(*args: Any, **kwargs: Any) -> Any:
            line = original(*args, **kwargs)
            self._desk.line_read(line)
            return line

        return prompt


def _model(*args: Any, **kwargs: Any) -> str | None:
    """The model that the next message goes to; `get_input` is given Aider's commands fourth."""
    commands = kwargs["commands"] if "commands" in kwargs else args[3] if len(args) > 3 else None
    model = getattr(getattr(commands, "coder", None), "main_model", None)
    return getattr(model, "name", None)


class Poller:
    """Asks the shim for news while the process lives."""

    def __init__(self, channel: Channel, desk: Desk, every_s: float) -> None:
        self._channel = channel
        self._desk = desk
        self._every_s = every_s
        self._stopped = False
        self._wanted = self._done = 0
        """How often somebody could not wait, and how many of those are served."""
        self._heard = time.monotonic()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="lodestar-poll", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def ask_now(self) -> None:
        """Ask at once, and give the answer a moment to come."""
        with self._changed:
            self._wanted += 1
            number = self._wanted
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._done >= number, MOMENT_S)

    def stop(self) -> None:
        """Ask a last time and print what has come: a run without a prompt shows it here."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(self._every_s)
        self._ask()
        self._desk.print_notices()

    def _run(self) -> None:
        while not self._stopped:
            serving = self._wanted
            self._ask()
            with self._changed:
                self._done = serving
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._due, self._every_s)

    @property
    def _due(self) -> bool:
        return self._stopped or self._wanted > self._done

    def _ask(self) -> None:
        model = self._desk.model
        news = self._channel.poll(self._desk.last, model)
        if news is not None:
            self._heard = time.monotonic()
            self._desk.take(news, model)
        elif time.monotonic() - self._heard > SILENT_S:
            self._desk.hear_nothing()
        else:
            self._desk.refresh()
