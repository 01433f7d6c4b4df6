"""Reports the commits that Aider makes, and those that the user takes back."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from lodestar_aider.compat import Need
from lodestar_aider.events import Events
from lodestar_aider.journal import Journal
from lodestar_aider.patch import Function, wrap
from lodestar_aider.turns import Turns

NEEDS = (
    Need("aider.repo", "ANY_GIT_ERROR"),
    Need("aider.repo", "GitRepo.commit", ("self", "fnames", "context", "message", "aider_edits")),
    Need("aider.repo", "GitRepo.get_head_commit_sha", ("self", "short")),
    Need("aider.commands", "Commands.cmd_undo", ("self", "args")),
)


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

    def install(self) -> None:
        """Wrap the methods named in `NEEDS`."""
        wrap(importlib.import_module("aider.repo").GitRepo, "commit", self._commit)
        wrap(importlib.import_module("aider.commands").Commands, "cmd_undo", self._undo)

    def _commit(self, original: Function) -> Function:
        def commit(repo: Any, *args: Any, **kwargs: Any) -> Any:
            done = original(repo, *args, **kwargs)
            if done:
                self._report_commit(repo, done[1], bool(kwargs.get("aider_edits")))
            return done

        return commit

    def _report_commit(self, repo: Any, message: str, aider_edits: bool) -> None:
        commit = repo.get_head_commit_sha()
        self._origins[commit] = Origin(self._turns.number, self._turns.request)
        size = commit_size(repo, commit)
        self._journal.committed(repo.root, size["files"])
        self._events.emit(
            "commit",
            hash=commit,
            message=message,
            aider_edits=aider_edits,
            **size,
        )

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
    """files, insertions and deletions of a commit, without running a repository's diff tools."""
    try:
        shown = repo.repo.git.show(
            "--numstat", "--format=", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", commit
        )
    except importlib.import_module("aider.repo").ANY_GIT_ERROR:
        return {"files": [], "insertions": 0, "deletions": 0}
    rows = [row.split("\t", 2) for row in shown.split("\0") if row.count("\t") >= 2]
    return {
        "files": [row[2].encode("utf-8", "replace").decode("utf-8") for row in rows],
        # Binary files have "-" instead of a number.
        "insertions": sum(int(row[0]) for row in rows if row[0].isdigit()),
        "deletions": sum(int(row[1]) for row in rows if row[1].isdigit()),
    }
