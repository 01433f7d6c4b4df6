"""The end of a session that the shim asks for, and whether the user puts it off."""

from __future__ import annotations

from typing import Any

from lodestar_aider import question
from lodestar_aider.channel import Channel
from lodestar_aider.desk import Desk


class Ending:
    """Decides, in the main thread, what follows a prompt that was closed."""

    def __init__(self, desk: Desk, channel: Channel, may_ask: bool) -> None:
        self._desk = desk
        self._channel = channel
        self._may_ask = may_ask
        self.kind: str | None = None
        """Of the end for which Aider leaves, None while the user decides about that."""
        self.alone = False
        """Whether nobody seems to be at the terminal."""

    def put_off(self, io: Any) -> bool:
        """Whether the session goes on, with a new prompt; what was typed is kept either way."""
        if not self._desk.cut:
            return False
        end, typed = self._desk.closed_for()
        on = end is None
        if end is not None and end.minutes is not None and self._may_ask and question.can_ask():
            on, more = self._ask()
            typed += more
        if end is not None and not on:
            self.kind = end.kind
            self.alone = self.alone or end.kind == "idle limit"
        self._keep(io, typed.strip("\n"), on)
        return on

    def _ask(self) -> tuple[bool, str]:
        typed = ""
        while True:
            answer = question.ask()
            typed += answer.typed
            self.alone = answer.silent
            if answer.minutes is None:
                return False, typed
            length = self._channel.extend(answer.minutes)
            if length is not None:
                self._desk.goes_on(length)
                return True, typed
            self._desk.say("it could not be extended: the shim does not answer", warn=True)

    def _keep(self, io: Any, typed: str, on: bool) -> None:
        # What Aider itself has put there for a prompt that was not shown comes first.
        typed = (io.placeholder or "") + typed
        if not typed.strip():
            return
        if on and io.prompt_session is not None:
            io.set_placeholder(typed)
            return
        io.add_to_input_history(typed)
        kept = "" if io.prompt_session is None else " (it is in the input history: Up)"
        self._desk.say(f"you had typed: {typed}{kept}")
