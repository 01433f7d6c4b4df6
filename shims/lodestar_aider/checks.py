"""Reports what linters and tests say, and whether anybody asked for them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lodestar_aider.compat import Need
from lodestar_aider.events import Events
from lodestar_aider.patch import Function, wrap

CODER = "aider.coders.base_coder"
NEEDS = (
    Need(CODER, "Coder.lint_edited", ("self", "fnames")),
    Need("aider.linter", "Linter.lint", ("self", "fname")),
    Need("aider.linter", "Linter.get_rel_fname", ("self", "fname")),
    Need("aider.commands", "Commands.cmd_lint", ("self", "args", "fnames")),
    Need("aider.commands", "Commands.cmd_test", ("self", "args")),
)


class Checks:
    """`auto` in an event: Aider checked an answer by itself, nobody typed /lint or /test."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._answers = 0
        self._asked = False
        self._failed: list[str] | None = None
        """Files that an edit left with errors; None while no edit is looked at."""

    def install(self) -> None:
        """Wrap the methods named in `NEEDS`."""
        wrap(importlib.import_module(CODER).Coder, "lint_edited", self._lint_edited)
        wrap(importlib.import_module("aider.linter").Linter, "lint", self._lint)
        commands = importlib.import_module("aider.commands").Commands
        wrap(commands, "cmd_lint", self._cmd_lint)
        wrap(commands, "cmd_test", self._cmd_test)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Inside, an answer is dealt with: what is checked there is checked because of it."""
        self._answers += 1
        try:
            yield
        finally:
            self._answers -= 1

    def _lint_edited(self, original: Function) -> Function:
        def lint_edited(coder: Any, fnames: Any) -> Any:
            failed: list[str] = []
            self._failed = failed
            try:
                errors = original(coder, fnames)
            finally:
                self._failed = None
            self._events.emit("lint", errors=bool(errors), failed=sorted(failed), auto=True)
            return errors

        return lint_edited

    def _lint(self, original: Function) -> Function:
        def lint(linter: Any, fname: Any, *args: Any, **kwargs: Any) -> Any:
            errors = original(linter, fname, *args, **kwargs)
            failed = [str(linter.get_rel_fname(fname))] if errors else []
            if self._failed is not None:
                self._failed += failed
            elif self._asked:
                self._events.emit("lint", errors=bool(errors), failed=failed, auto=False)
            return errors

        return lint

    def _cmd_lint(self, original: Function) -> Function:
        def cmd_lint(commands: Any, *args: Any, **kwargs: Any) -> Any:
            self._asked = True
            try:
                return original(commands, *args, **kwargs)
            finally:
                self._asked = False

        return cmd_lint

    def _cmd_test(self, original: Function) -> Function:
        def cmd_test(commands: Any, args: Any) -> Any:
            errors = original(commands, args)
            if args or commands.coder.test_cmd:
                self._events.emit("test", errors=bool(errors), auto=self._answers > 0)
            return errors

        return cmd_test
