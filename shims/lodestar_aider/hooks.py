"""Watches Aider's work and reports it: requests, edits, and what went wrong."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from lodestar_aider import checks
from lodestar_aider.applied import Applied
from lodestar_aider.compat import Need
from lodestar_aider.events import Events
from lodestar_aider.patch import Function, watched, wrap
from lodestar_aider.turns import Turns, kind_of

CODER = "aider.coders.base_coder"
NEEDS = (
    Need(CODER, "Coder.run_one", ("self", "user_message", "preproc")),
    Need(CODER, "Coder.send_message", ("self", "inp")),
    Need(CODER, "Coder.send", ("self", "messages", "model", "functions")),
    Need(CODER, "Coder.apply_updates", ("self",)),
    Need(CODER, "Coder.apply_edits", ("self", "edits")),
    Need(CODER, "Coder.num_reflections"),
    Need(CODER, "Coder.num_malformed_responses"),
    Need(CODER, "FinishReasonLength"),
    Need("aider.history", "ChatSummary.summarize_all", ("self", "messages")),
    Need("aider.commands", "Commands.is_command", ("self", "inp")),
    Need("aider.commands", "Commands.cmd_clear", ("self", "args")),
    Need("aider.commands", "Commands.cmd_reset", ("self", "args")),
    Need("aider.repo", "GitRepo.get_commit_message", ("self", "diffs", "context")),
    *checks.NEEDS,
)
ERROR_CHARACTERS = 500
CUT = "the answer was cut off at the model's output limit"


class Hooks:
    """Wraps Aider's methods; what they return and raise stays as it is."""

    def __init__(self, events: Events, turns: Turns) -> None:
        self._events = events
        self._turns = turns
        self._checks = checks.Checks(events)

    def install(self) -> None:
        """Wrap them all; `NEEDS` says what must be there."""
        self._turns.opened = lambda text_len: self._events.emit("turn", text_len=text_len)
        coder = importlib.import_module(CODER).Coder
        wrap(coder, "run_one", self._run_one)
        wrap(coder, "send_message", self._send_message)
        wrap(coder, "send", self._send)
        wrap(coder, "apply_updates", self._apply_updates)
        summary = importlib.import_module("aider.history").ChatSummary
        wrap(summary, "summarize_all", self._as_kind("summary"))
        repo = importlib.import_module("aider.repo").GitRepo
        wrap(repo, "get_commit_message", self._as_kind("commit_message"))
        commands = importlib.import_module("aider.commands").Commands
        wrap(commands, "cmd_clear", self._clear)
        wrap(commands, "cmd_reset", self._clear)
        self._checks.install()

    def _as_kind(self, kind: str) -> Callable[[Function], Function]:
        def make(original: Function) -> Function:
            def call(*args: Any, **kwargs: Any) -> Any:
                with self._turns.kind(kind):
                    return original(*args, **kwargs)

            return call

        return make

    def _run_one(self, original: Function) -> Function:
        def run_one(coder: Any, user_message: Any, preproc: Any) -> Any:
            text = str(user_message or "")
            command = not text.strip() or bool(preproc and coder.commands.is_command(text))
            with self._turns.message(text, command):
                return original(coder, user_message, preproc)

        return run_one

    def _send_message(self, original: Function) -> Function:
        def send_message(coder: Any, inp: Any) -> Iterator[Any]:
            try:
                with self._checks.answering():
                    yield from original(coder, inp)
            except KeyboardInterrupt:
                # Between two tries, or while the commit message was written.
                self._events.emit("interrupt")
                raise

        return send_message

    def _send(self, original: Function) -> Function:
        cut = importlib.import_module(CODER).FinishReasonLength

        def send(coder: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
            with self._turns.kind(kind_of(coder.edit_format, coder.num_reflections)):
                try:
                    yield from original(coder, *args, **kwargs)
                except KeyboardInterrupt:
                    self._events.emit("interrupt")
                    raise
                except cut:
                    # Some models are asked to go on where they were cut off.
                    if not coder.main_model.info.get("supports_assistant_prefill"):
                        self._events.emit("error", text=CUT)
                    raise
                except Exception as problem:
                    self._events.emit("error", text=str(problem)[:ERROR_CHARACTERS])
                    raise

        return send

    def _apply_updates(self, original: Function) -> Function:
        def apply_updates(coder: Any) -> Any:
            malformed, applied = coder.num_malformed_responses, Applied()
            # Each edit format has a class of its own; all of them are met on the object.
            with watched(coder, "apply_edits", applied.watch):
                edited = original(coder)
            if kind_of(coder.edit_format, 0) not in ("ask", "architect"):
                self._events.emit(
                    "apply",
                    **applied.fields(edited),
                    malformed=coder.num_malformed_responses - malformed,
                    reflected=bool(coder.reflected_message),
                    reflections=coder.num_reflections,
                )
            return edited

        return apply_updates

    def _clear(self, original: Function) -> Function:
        def cmd_clear(commands: Any, args: Any) -> Any:
            done = original(commands, args)
            self._events.emit("clear")
            return done

        return cmd_clear
