"""The shim's slash commands as commands of Aider: its help, completion and matching know them."""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Iterable
from typing import Any

from lodestar_aider.channel import Channel, Command, Reply
from lodestar_aider.compat import Need
from lodestar_aider.desk import Desk
from lodestar_aider.patch import Function, wrap

NEEDS = (
    Need("aider.commands", "SwitchCoder"),
    Need("aider.commands", "Commands.cmd_model", ("self", "args")),
    Need("aider.commands", "Commands.get_commands", ("self",)),
    Need("aider.commands", "Commands.do_run", ("self", "cmd_name", "args")),
    Need("aider.commands", "Commands.matching_commands", ("self", "inp")),
    Need("aider.io", "InputOutput.tool_output", ("self",)),
    Need("aider.io", "InputOutput.tool_error", ("self", "message")),
    Need(
        "aider.io",
        "InputOutput.confirm_ask",
        ("self", "question", "default", "subject", "explicit_yes_required"),
    ),
)
NAME = re.compile(r"[a-z][a-z0-9-]*")
PATIENCE_S, APART_S = 5.0, 0.25
"""A shim that starts again is there within a second or two."""


class SlashCommands:
    """Registers them on Aider's class, and runs them."""

    def __init__(self, channel: Channel, desk: Desk) -> None:
        self._channel = channel
        self._desk = desk

    def install(self) -> None:
        """Ask the shim what there is. Without an answer Aider goes on without them."""
        found = self._ask()
        if found is None:
            text = "commands such as /why are missing in this session: the shim did not answer"
            self._desk.say(text, warn=True)
        owner = importlib.import_module("aider.commands").Commands
        ours = {f"/{command.name}" for command in found or () if self._add(owner, command)}
        wrap(owner, "matching_commands", _as_before(ours))

    def _ask(self) -> list[Command] | None:
        deadline = time.monotonic() + PATIENCE_S
        found = self._channel.commands()
        while found is None and time.monotonic() < deadline:
            time.sleep(APART_S)
            found = self._channel.commands()
        return found

    def _add(self, owner: Any, command: Command) -> bool:
        """Whether it is registered: a name that Aider has stays Aider's."""
        name = command.name.replace("-", "_")
        if not NAME.fullmatch(command.name) or hasattr(owner, f"cmd_{name}"):
            return False

        def cmd(commands: Any, args: Any) -> None:
            self._run(commands, command.name, str(args or ""))

        usage = f": /{command.name} {command.argument}" if command.argument else ""
        cmd.__doc__ = plain(command.help + usage)
        setattr(owner, f"cmd_{name}", cmd)
        if command.words:
            setattr(owner, f"completions_{name}", lambda commands: list(command.words))
        return True

    def _run(self, commands: Any, name: str, argument: str) -> None:
        """What Aider calls; what it returns would be sent to the model, so it is nothing."""
        # Aider changes its model by an exception.
        switch = importlib.import_module("aider.commands").SwitchCoder
        try:
            reply = self._asked(commands, name, argument, confirmed=False)
            if reply.question is not None and self._agreed(commands.io, reply.question):
                named = argument if reply.argument is None else reply.argument
                reply = self._asked(commands, name, named, confirmed=True)
            if reply.question is None:
                self._do(commands, reply.effect)
        except switch:
            raise
        except Exception as problem:
            commands.io.tool_error(plain(f"/{name} failed: {type(problem).__name__}: {problem}"))

    def _asked(self, commands: Any, name: str, argument: str, confirmed: bool) -> Reply:
        model = getattr(commands.coder.main_model, "name", None)
        asked = {"argument": argument, "confirmed": confirmed, "model": model}
        reply = self._channel.command(name, asked) or Reply(
            [
                f"/{name}: no answer from Lodestar's shim",
                "it may be starting again, or be busy",
                "try it again in a moment",
            ],
            failed=True,
        )
        lines = [plain(line) for line in reply.lines]
        if reply.failed:
            commands.io.tool_error("\n".join(lines))
        else:
            for line in lines:
                commands.io.tool_output(line)
        return reply

    @staticmethod
    def _agreed(io: Any, question: str) -> bool:
        # --yes-always is no answer to this, and neither is the end of the input.
        agreed = bool(io.confirm_ask(plain(question), default="n", explicit_yes_required=True))
        if not agreed:
            always = ": --yes-always does not answer this question" if io.yes is True else ""
            io.tool_output(f"nothing was changed{always}")
        return agreed

    def _do(self, commands: Any, effect: dict[str, str]) -> None:
        if "minutes" in effect:
            self._desk.goes_on(int(effect["minutes"]))
        if "resend" in effect:
            importlib.import_module("lodestar_aider.resend").resend(commands, effect["resend"])
        if "model" in effect:
            commands.cmd_model(effect["model"])


def plain(text: str) -> str:
    """One line of text without control characters, its spaces as they are."""
    return "".join(mark for mark in text if mark.isprintable())


def _as_before(ours: Iterable[str]) -> Any:
    """An abbreviation that means one of Aider's own commands goes on to mean that one."""
    ours = frozenset(ours)

    def make(original: Function) -> Function:
        def matching_commands(commands: Any, inp: Any) -> Any:
            found = original(commands, inp)
            if found is None:
                return None
            matches, first_word, rest = found
            own = [match for match in matches if match not in ours]
            if len(own) == 1 and first_word not in matches:
                return own, first_word, rest
            return matches, first_word, rest

        return matching_commands

    return make
