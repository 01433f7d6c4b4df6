"""Git as Aider calls it: nothing that a repository's own `.git` names is run, but for a commit.

A clone brings no configuration, an unpacked archive may. Hooks, filters and signing of a commit
stay: they are what any commit of the user runs, and leaving out a filter would commit other
bytes than the user means to.
"""

from __future__ import annotations

import importlib
from typing import Any

from lodestar_aider.compat import Need
from lodestar_aider.patch import Function, wrap

SETTINGS = (
    "core.fsmonitor=false",
    "core.pager=cat",
    "log.showSignature=false",
    "protocol.ext.allow=never",
)
NO_HOOKS = "core.hooksPath=/dev/null"
DIFFS = frozenset({"diff", "show", "log"})
NO_PROGRAMS = ("--no-ext-diff", "--no-textconv")


def needs() -> tuple[Need, ...]:
    """What must be there; nothing where Aider runs without git."""
    try:
        without = importlib.import_module("aider.repo").git is None
    except (ImportError, AttributeError):
        return (Need("aider.repo", "git"),)
    return () if without else (Need("git.cmd", "Git.execute", ("self", "command")),)


def install() -> None:
    """Wrap the one method through which every call of git goes."""
    if importlib.import_module("aider.repo").git is not None:
        wrap(importlib.import_module("git.cmd").Git, "execute", _guarded)


def guarded(command: list[str]) -> list[str]:
    """The command line as it is run: git, our settings, and then what Aider asked for."""
    program, *rest = command
    settings = SETTINGS if "commit" in rest[:1] else (*SETTINGS, NO_HOOKS)
    options = [word for setting in settings for word in ("-c", setting)]
    if rest and rest[0] in DIFFS:
        rest = [rest[0], *NO_PROGRAMS, *rest[1:]]
    return [program, *options, *rest]


def _guarded(original: Function) -> Function:
    def execute(git: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
        plain = isinstance(command, list | tuple) and len(command) > 1
        return original(git, guarded(list(command)) if plain else command, *args, **kwargs)

    return execute
