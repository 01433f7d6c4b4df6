"""`/escalate`: the last message once more, to another model, and the better answer is kept."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, Literal

from lodestar_aider import checkout, last_message
from lodestar_aider.compat import Need
from lodestar_aider.events import Events
from lodestar_aider.former import Former
from lodestar_aider.last_message import LastMessage, Message
from lodestar_aider.patch import Function, wrap
from lodestar_aider.title import printable
from lodestar_aider.turns import Turns

CODER = "aider.coders.base_coder"
NEEDS = (
    *checkout.NEEDS,
    *last_message.NEEDS,
    Need("aider.commands", "SwitchCoder"),
    Need("aider.commands", "Commands.cmd_load", ("self", "args")),
    Need(CODER, "Coder.create", ("main_model", "edit_format", "io", "from_coder")),
    Need(CODER, "Coder.run", ("self", "with_message", "preproc")),
    Need(CODER, "Coder.send", ("self", "messages", "model", "functions")),
    Need(CODER, "Coder.check_for_file_mentions", ("self", "content")),
    Need(CODER, "Coder.max_reflections"),
    Need(CODER, "FinishReasonLength"),
    Need("aider.models", "Model"),
    Need("aider.io", "InputOutput.confirm_ask", ("self", "question", "default")),
)
HEADERS = {"X-Lodestar-Reason": "escalate"}
IN_LOAD = (
    "/escalate sent nothing: it was called by /load",
    "Aider changes its chat in no command of a file, and the answer would be left out of it",
    "type it at Aider's prompt",
)


def resend(commands: Any, alias: str) -> None:
    """Send the last message again, to `alias`. Raises Aider's SwitchCoder once it is done."""
    commands.lodestar_resend(alias)


class Resend:
    """Asks a second time, and stores which answer was kept."""

    def __init__(self, events: Events, turns: Turns) -> None:
        self._events = events
        self._last = LastMessage(turns)
        self._loads = 0
        """How many /load are under way."""

    def install(self) -> None:
        """Begin to remember the last message."""
        self._last.install()
        commands = importlib.import_module("aider.commands").Commands
        commands.lodestar_resend = lambda found, alias: self.ask(found.coder, alias)
        wrap(commands, "cmd_load", self._cmd_load)

    def ask(self, coder: Any, alias: str) -> None:
        """Ask `alias`, and leave Aider with the coder's own model again."""
        message = self._last.found
        if self._loads:
            coder.io.tool_error("\n".join(IN_LOAD))
            return
        if message is None:
            coder.io.tool_output("There is nothing to send again: nothing was asked yet.")
            return
        former, model, form = Former(coder, message), coder.main_model, coder.edit_format
        former.take_back()
        try:
            other = _other(coder, alias, message)
            new, problem = self._answer(other, message, alias)
        except BaseException:
            # Such as a second Ctrl-C, which ends Aider.
            former.bring_back(self._last.finish(), coder)
            raise
        self._settle(former, message, new, other, problem)
        switch = importlib.import_module("aider.commands").SwitchCoder
        raise switch(
            main_model=model,
            edit_format=form,
            from_coder=other,
            summarize_from_coder=False,
            show_announcements=False,
        )

    def _cmd_load(self, original: Function) -> Function:
        def cmd_load(commands: Any, args: Any) -> Any:
            self._loads += 1
            try:
                return original(commands, args)
            finally:
                self._loads -= 1

        return cmd_load

    def _answer(self, other: Any, message: Message, alias: str) -> tuple[Message | None, str]:
        """The new answer, and what is wrong with it."""
        watch = _Watch(other)
        with self._last.inside():
            try:
                other.run(message.text, preproc=False)
            except KeyboardInterrupt:
                watch.end = "interrupted"
        new = self._last.finish()
        return new, watch.problem(new, alias)

    def _settle(
        self, former: Former, message: Message, new: Message | None, other: Any, problem: str
    ) -> None:
        if problem:
            other.io.tool_output(printable(problem))
        kept: Literal["new", "old"] = "new"
        if problem or new is None or not _keep(other, former, new):
            kept = "old"
            former.bring_back(new, other)
            self._last.found = message
        else:
            former.let_go()
        self._report(former, message, new, kept, problem or "you chose")

    def _report(
        self, former: Former, message: Message, new: Message | None, kept: str, why: str
    ) -> None:
        """The pair, tied to the new request, and the commits that are gone."""
        if new is None:
            return
        for gone in former.gone:
            of = new if gone in new.commits else message
            self._events.emit("undo", hash=gone, turn=of.turn, request=of.request)
        commit = {"hash": new.commits[-1]} if new.commits else {}
        said = {"from_request": message.request, "request": new.request, "kept": kept}
        self._events.emit("escalated", **said, **commit, why=why)


def _other(coder: Any, alias: str, message: Message) -> Any:
    """A coder with the other model, on the same chat and files."""
    own = coder.main_model
    model = importlib.import_module("aider.models").Model(
        alias, editor_model=own.editor_model.name, weak_model=own.weak_model.name
    )
    given = dict(model.extra_params or {})
    given["extra_headers"] = {**(given.get("extra_headers") or {}), **HEADERS}
    model.extra_params = given
    other = importlib.import_module(CODER).Coder.create(
        io=coder.io,
        from_coder=coder,
        main_model=model,
        edit_format=message.edit_format or model.edit_format,
        summarize_from_coder=False,
    )
    # The user has agreed to one answer: it is asked neither to try again, nor once more with
    # the files that it names.
    other.max_reflections = 0
    other.check_for_file_mentions = lambda content: None
    return other


def _keep(other: Any, former: Former, new: Message) -> bool:
    """Whether the user keeps the new answer; who says nothing does, if it is a whole one."""
    changed = bool(new.written) or not former.is_aside
    usual = changed and not other.num_malformed_responses
    question = "Keep the new answer?"
    if not changed:
        question = "The new answer changed no file. Keep it, without the commit before?"
    elif not usual:
        question = "Some edits of the new answer could not be applied. Keep the others?"
    try:
        return bool(other.io.confirm_ask(question, default="y" if usual else "n"))
    except KeyboardInterrupt:
        return usual


class _Watch:
    """How the requests of one coder end."""

    def __init__(self, coder: Any) -> None:
        self._coder = coder
        self._send = coder.send
        self.end = "none"
        """That of the last one: answered, interrupted, cut, failed; none where none was sent."""
        coder.send = self._watched

    def problem(self, new: Message | None, alias: str) -> str:
        """What is wrong with the answer, in a sentence; empty where it is whole."""
        if self.end == "interrupted":
            return f"The answer of {alias} was interrupted."
        if self.end == "cut":
            return f"The answer of {alias} was cut off."
        if self.end != "answered" or new is None:
            return f"There is no answer of {alias}."
        if self._coder.num_malformed_responses and not new.commits:
            return f"The edits of {alias} could not be applied."
        return ""

    def _watched(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        cut = importlib.import_module(CODER).FinishReasonLength
        self.end = "failed"
        try:
            yield from self._send(*args, **kwargs)
            self.end = "answered"
        except KeyboardInterrupt:
            self.end = "interrupted"
            raise
        except cut:
            self.end = "cut"
            raise
