"""A module whose slash commands go wrong in several ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lodestar.control import Asked, Reply, SlashCommand
from lodestar.errors import UsageError
from lodestar.hookspecs import hookimpl
from lodestar.settings import Settings


@hookimpl
def control_actions(settings: Settings) -> list[Any]:
    """One that works, and the others."""
    return [
        5,
        SlashCommand("echo", "Say what was asked", _echo, "TEXT", lambda _: ("one", "two\x1b[2J")),
        SlashCommand("crash", "Fail", _crash),
        SlashCommand("mute", "Answer with something else", lambda asked: "text"),  # type: ignore
        SlashCommand("refuse", "Say no", _refuse),
        SlashCommand("dirty", "Write\x07 control characters", _dirty),
        SlashCommand("wordless", "Has no words", _echo, words=_no_words),
        SlashCommand("free", "A name that is taken", _crash),
        SlashCommand("../Up", "A name that is none", _crash),
    ]


def _echo(asked: Asked) -> Reply:
    route = asked.route.alias if asked.route else None
    return Reply([asked.argument, asked.session, str(route)], effect={"model": "free"})


def _crash(asked: Asked) -> Reply:
    raise RuntimeError("a detail for the log")


def _refuse(asked: Asked) -> Reply:
    raise UsageError("it is not\nto be", "the module says so", "ask another one")


def _dirty(asked: Asked) -> Reply:
    return Reply(["red\x1b[31m and\x07 bell", "  indented"], question="really\x1b[2J?")


def _no_words(settings: Settings) -> Sequence[str]:
    raise RuntimeError("no words")
