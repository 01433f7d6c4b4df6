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
# In a partial clone an object may be elsewhere, and a setting names the program that brings it.
NO_FETCH = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
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
        if not isinstance(command, list | tuple) or len(command) < 2:
            return original(git, command, *args, **kwargs)
        if command[1] != "commit":
            # A commit runs the user's hooks, and those may fetch.
            kwargs["env"] = {**(kwargs.get("env") or {}), **NO_FETCH}
        return original(git, guarded(list(command)), *args, **kwargs)

    return execute
