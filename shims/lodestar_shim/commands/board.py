"""Which slash commands there are, and running one."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from lodestar.control import Asked, Reply, SlashCommand
from lodestar.errors import LodestarError
from lodestar.terminal import one_line, printable
from lodestar_shim.commands import escalate, extend, free, paid, rate, why
from lodestar_shim.errors import ShimError, for_user
from lodestar_shim.services import Services
from lodestar_shim.status import Status

log = logging.getLogger("lodestar.shim.commands")
NOUNS = (free, paid, rate, extend, why, escalate)
NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
HELP_WIDTH = 200
WORDS_MOST, WORD_WIDTH = 500, 100
LINES_MOST, LINE_WIDTH = 500, 500
ARGUMENT_WIDTH = 1000


class Board:
    """Core's commands and the modules'. One that fails hurts neither the others nor Aider."""

    def __init__(self, services: Services, status: Status) -> None:
        self._s = services
        self._status = status
        self._found: dict[str, SlashCommand] | None = None

    async def listed(self) -> list[dict[str, Any]]:
        """What the launcher needs to register each of them."""
        found = await self._commands()
        return await asyncio.to_thread(lambda: [self._described(c) for c in found.values()])

    async def run(
        self, name: str, argument: str, confirmed: bool = False, model: str | None = None
    ) -> Reply:
        """Run one; `model` is what Aider uses now, where it said so.

        Raises ShimError with what the user should read.
        """
        command = (await self._commands()).get(name)
        if command is None:
            message = for_user(f"there is no command /{one_line(name, 40)}", "", "see /help")
            raise ShimError(message, "unknown_command", 404)
        return await asyncio.to_thread(self._run, command, argument, confirmed, model)

    def _run(
        self, command: SlashCommand, argument: str, confirmed: bool, model: str | None
    ) -> Reply:
        s, name = self._s, command.name
        try:
            asked = Asked(
                s.session.id,
                _checked(argument),
                self._status.route(model),
                confirmed,
                s.store,
                s.settings,
            )
            return _clean(command.run(asked))
        except LodestarError as error:
            message = for_user(*map(one_line, (error.what, error.why, error.do)))
            raise ShimError(message, "command_refused") from error
        except ShimError:
            raise
        except sqlite3.Error as error:
            log.exception("/%s could not use the database", name)
            message = for_user(
                f"/{name}: the database cannot be used just now", str(error), "try again later"
            )
            raise ShimError(message, "command_failed") from error
        except Exception as error:
            log.exception("/%s failed", name)
            message = for_user(f"/{name} failed; details are in Lodestar's log: logs/shim.log")
            raise ShimError(message, "command_failed") from error

    async def _commands(self) -> Mapping[str, SlashCommand]:
        if self._found is None:
            # Core's are made in the loop: some of them come back to it.
            core = [c for noun in NOUNS for c in noun.commands(self._s, self._status)]
            modules = await asyncio.to_thread(self._of_modules)
            self._found = _by_name([*core, *modules])
        return self._found

    def _of_modules(self) -> list[SlashCommand]:
        found = self._s.plugins.collect("control_actions", settings=self._s.settings)
        lists = [one for one in found if isinstance(one, (list, tuple))]
        return [action for one in lists for action in one if isinstance(action, SlashCommand)]

    def _described(self, command: SlashCommand) -> dict[str, Any]:
        return {
            "name": command.name,
            "help": one_line(command.help, HELP_WIDTH),
            "argument": one_line(command.argument, WORD_WIDTH),
            "words": self._words(command),
        }

    def _words(self, command: SlashCommand) -> list[str]:
        try:
            words = [one_line(str(word), WORD_WIDTH) for word in command.words(self._s.settings)]
        except Exception:
            log.exception("/%s has no completions", command.name)
            return []
        return words[:WORDS_MOST]


def _by_name(commands: Sequence[SlashCommand]) -> dict[str, SlashCommand]:
    found: dict[str, SlashCommand] = {}
    for command in commands:
        if not NAME.fullmatch(str(command.name)) or command.name in found:
            log.error("a slash command is left out: %.100r is no name, or taken", command.name)
        else:
            found[command.name] = command
    return found


def _checked(argument: str) -> str:
    text = one_line(argument)
    if len(text) > ARGUMENT_WIDTH:
        raise LodestarError(
            "what follows the command is too long",
            f"it has {len(text)} characters, {ARGUMENT_WIDTH} are the most",
            "say it in fewer words",
        )
    return text


def _clean(reply: Reply) -> Reply:
    """The same, fit for a terminal; anything else than a reply raises."""
    if not isinstance(reply, Reply):
        raise TypeError(f"a command answered with {type(reply).__name__} instead of a Reply")
    lines = [printable(str(line))[:LINE_WIDTH] for line in reply.lines][:LINES_MOST]
    question = None if reply.question is None else one_line(reply.question, LINE_WIDTH)
    effect = {str(k): one_line(str(v), WORD_WIDTH) for k, v in reply.effect.items()}
    argument = None if reply.argument is None else one_line(reply.argument, ARGUMENT_WIDTH)
    return Reply(lines, question, argument, effect)
