"""Reports the commits that Aider makes, and those that the user takes back."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lodestar_aider.compat import Need
from lodestar_aider.events import Events
from lodestar_aider.journal import Journal
from lodestar_aider.patch import Function, watched, wrap
from lodestar_aider.turns import Turns

NEEDS = (
    Need("aider.repo", "ANY_GIT_ERROR"),
    Need("aider.repo", "GitRepo.commit", ("self", "fnames", "context", "message", "aider_edits")),
    Need("aider.io", "InputOutput.tool_error", ("self", "message")),
    Need("aider.repo", "GitRepo.get_head_commit_sha", ("self", "short")),
    Need("aider.commands", "Commands.cmd_undo", ("self", "args")),
    Need("aider.coders.base_coder", "Coder.dirty_commit", ("self",)),
)
ERROR_CHARACTERS = 500
NAMED_FILES = 100
"""Of so many files at most a commit's lines are reported one by one."""


@dataclass(frozen=True)
class Origin:
    """The turn and request that a commit came from."""

    turn: int
    request: str | None


class CommitHooks:
    """Remembers where each commit came from, so that an undo names that request."""

    def __init__(self, events: Events, turns: Turns, journal: Journal) -> None:
        self._events = events
        self._turns = turns
        self._journal = journal
        self._origins: dict[str, Origin] = {}
        self._users_own = False

    def install(self) -> None:
        """Wrap the methods named in `NEEDS`."""
        wrap(importlib.import_module("aider.repo").GitRepo, "commit", self._commit)
        wrap(importlib.import_module("aider.commands").Commands, "cmd_undo", self._undo)
        coder = importlib.import_module("aider.coders.base_coder").Coder
        wrap(coder, "dirty_commit", self._dirty_commit)

    def _commit(self, original: Function) -> Function:
        def commit(repo: Any, *args: Any, **kwargs: Any) -> Any:
            # Aider shows what git says against a commit, and goes on.
            with watched(repo.io, "tool_error", self._report_error):
                done = original(repo, *args, **kwargs)
            if done:
                self._report_commit(repo, done[1], bool(kwargs.get("aider_edits")))
            return done

        return commit

    def _report_error(self, original: Function) -> Function:
        def tool_error(message: Any = "", *args: Any, **kwargs: Any) -> Any:
            self._events.emit("error", text=str(message)[:ERROR_CHARACTERS])
            return original(message, *args, **kwargs)

        return tool_error

    def _report_commit(self, repo: Any, message: str, aider_edits: bool) -> None:
        commit = repo.get_head_commit_sha()
        # What the user had changed is committed before an edit: no answer brought it.
        request = None if self._users_own else self._turns.request
        self._origins[commit] = Origin(self._turns.number, request)
        size = commit_size(repo, commit)
        self._journal.committed(repo.root, size["files"])
        self._events.emit(
            "commit",
            hash=commit,
            request=request,
            message=message,
            aider_edits=aider_edits,
            **size,
        )

    def _dirty_commit(self, original: Function) -> Function:
        def dirty_commit(coder: Any) -> Any:
            with self._users():
                return original(coder)

        return dirty_commit

    @contextmanager
    def _users(self) -> Iterator[None]:
        self._users_own = True
        try:
            yield
        finally:
            self._users_own = False

    def _undo(self, original: Function) -> Function:
        def cmd_undo(commands: Any, args: Any) -> Any:
            before = _head(commands)
            done = original(commands, args)
            if before and _head(commands) != before:
                self._report_undo(before)
            return done

        return cmd_undo

    def _report_undo(self, commit: str) -> None:
        origin = self._origins.get(commit)
        fields = {} if origin is None else {"turn": origin.turn, "request": origin.request}
        self._events.emit("undo", hash=commit, **fields)


def _head(commands: Any) -> str | None:
    repo = commands.coder.repo
    return repo.get_head_commit_sha() if repo else None


def commit_size(repo: Any, commit: str) -> dict[str, Any]:
    """files, insertions and deletions of a commit, without running a repository's diff tools.

    `lines` are both by file, None for a binary one.
    """
    try:
        shown = repo.repo.git.show(
            "--numstat", "--format=", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", commit
        )
    except importlib.import_module("aider.repo").ANY_GIT_ERROR:
        return {"files": [], "insertions": 0, "deletions": 0, "lines": {}}
    rows = [row.split("\t", 2) for row in shown.split("\0") if row.count("\t") >= 2]
    # Binary files have "-" instead of a number.
    lines = {
        name.encode("utf-8", "replace").decode("utf-8"): _numbers(added, deleted)
        for added, deleted, name in rows
    }
    return {
        "files": list(lines),
        "insertions": sum(pair[0] for pair in lines.values() if pair),
        "deletions": sum(pair[1] for pair in lines.values() if pair),
        "lines": dict(list(lines.items())[:NAMED_FILES]),
    }


def _numbers(added: str, deleted: str) -> list[int] | None:
    return [int(added), int(deleted)] if added.isdigit() and deleted.isdigit() else None
