"""The user's branch and files, moved from one commit to another whole, or not at all."""

from __future__ import annotations

import importlib
import os
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import Any

from lodestar_aider.compat import Need

NEEDS = (
    Need("aider.repo", "ANY_GIT_ERROR"),
    Need("aider.repo", "GitRepo.get_head_commit_sha", ("self", "short")),
)
UNDER_WAY = (
    ("MERGE_HEAD", "a merge is under way"),
    ("CHERRY_PICK_HEAD", "a cherry-pick is under way"),
    ("REVERT_HEAD", "a revert is under way"),
    ("rebase-merge", "a rebase is under way"),
    ("rebase-apply", "a rebase is under way"),
    ("BISECT_LOG", "a bisect is under way"),
)
KEPT = "refs/lodestar/escalate/"
REASON = "lodestar: /escalate"
# A name such as `[a].py` is a name, and no pattern.
LITERAL = {"GIT_LITERAL_PATHSPECS": "1"}


class Immovable(Exception):  # noqa: N818 (a reason, said to the user)
    """Why nothing was moved."""


class Checkout:
    """The repository that Aider works in. All that is asked of git goes through Aider's guard."""

    def __init__(self, repo: Any) -> None:
        """`repo` is Aider's GitRepo."""
        self._repo = repo
        self._git = repo.repo.git
        self._errors = importlib.import_module("aider.repo").ANY_GIT_ERROR

    @property
    def root(self) -> str:
        """The folder with the files."""
        return str(self._repo.root)

    @property
    def head(self) -> str:
        """The commit that is checked out, empty where there is none yet."""
        return str(self._repo.get_head_commit_sha() or "")

    @property
    def branch(self) -> str:
        """The name of the branch that is checked out, empty where none is."""
        found = self._git.symbolic_ref("--quiet", "HEAD", with_exceptions=False)
        return str(found).removeprefix("refs/heads/")

    def below(self, top: str, commits: Sequence[str]) -> str:
        """The first commit under `top` that is none of `commits`; `top` itself where it is none.

        Raises Immovable where that is not one straight line.
        """
        while top in commits:
            parents = self._parents(top)
            if len(parents) != 1:
                raise Immovable(f"{top[:7]} has no commit to go back to")
            top = parents[0]
        return top

    def is_published(self, commit: str) -> bool:
        """Whether a remote has the commit, as far as this repository knows."""
        ref = f"--contains={commit}"
        return bool(self._ask("for-each-ref", "--count=1", ref, "refs/remotes"))

    def holds(self, commit: str, file: str, data: bytes) -> bool:
        """Whether the file in the commit is what `git add` would make of `data`."""
        found = self._ask("ls-tree", "-z", commit, "--", file, env=LITERAL)
        if not found:
            return False
        with tempfile.TemporaryFile() as stream:
            stream.write(data)
            stream.seek(0)
            made = self._ask("hash-object", f"--path={file}", "--stdin", istream=stream)
        return str(found.split("\t", 1)[0].split()[-1]) == made

    def differing(self, old: str, new: str) -> Mapping[str, str]:
        """The files in which two commits differ: A for those only `new` has, D, M and such."""
        found = self._ask("diff-tree", "-r", "-z", "--no-renames", "--name-status", old, new)
        words = [word for word in found.split("\0") if word]
        return dict(zip(words[1::2], words[::2], strict=True))

    def has(self, commit: str, file: str) -> bool:
        """Whether the commit has the file."""
        return bool(self._ask("ls-tree", "-z", "--name-only", commit, "--", file, env=LITERAL))

    def move(self, old: str, new: str) -> None:
        """Take the branch and its files from `old`, which is checked out, to `new`.

        Files in which the two differ must be as they are in `old`; all others, and what is staged
        of them, stay as they are. Raises Immovable, and nothing has changed then.
        """
        if old == new:
            return
        with _uninterrupted():
            self.check(old, new)
            self._ask("read-tree", "-m", "-u", old, new)
            self._point(old, new)
        # Aider takes files that were staged there once for tracked ones.
        getattr(self._repo, "tree_files", {}).clear()

    def forget(self, file: str) -> None:
        """Remove a file that no commit has, from the index and from the disk."""
        self._ask("update-index", "--force-remove", "--", file)
        os.unlink(os.path.join(self.root, file))

    def keep(self, commit: str) -> None:
        """A name for the commit, so that nothing cleans it away until it is let go."""
        self._ask("update-ref", KEPT + commit, commit)

    def let_go(self, commit: str) -> None:
        """Remove the name."""
        with suppress(Immovable):
            self._ask("update-ref", "-d", KEPT + commit, commit)

    def _point(self, old: str, new: str) -> None:
        try:
            self._ask("update-ref", "-m", REASON, "HEAD", new, old)
        except Immovable:
            # Somebody else has moved the branch just now.
            self._ask("read-tree", "-m", "-u", new, old)
            raise

    def check(self, old: str, new: str, besides: Sequence[str] = ()) -> None:
        """Raises Immovable where `move` would; the files in `besides` are not looked at."""
        if old == new:
            return
        if self.head != old:
            raise Immovable("another commit is checked out by now")
        if not self.branch:
            raise Immovable("no branch is checked out")
        for name, why in UNDER_WAY:
            if os.path.lexists(os.path.join(self._repo.repo.git_dir, name)):
                raise Immovable(why)
        files = self.differing(old, new)
        self._check_files({file: how for file, how in files.items() if file not in besides})

    def _check_files(self, files: Mapping[str, str]) -> None:
        if not files:
            # Without a name, git would look at all of them.
            return
        # After a touch the index is older than the file, and git would take it for changed.
        self._git.update_index("-q", "--refresh", with_exceptions=False)
        for file, how in files.items():
            if how == "A":
                self._check_place(file, files)
        names = list(files)
        changed = self._ask(
            "status", "--porcelain", "-z", "--untracked-files=all", "--", *names, env=LITERAL
        )
        if changed:
            raise Immovable(f"{changed[3:].split(chr(0))[0]} has uncommitted changes")
        marks = self._ask("ls-files", "-v", "-z", "--", *names, env=LITERAL)
        for mark in marks.split("\0"):
            if mark and (mark[0].islower() or mark[0] == "S"):
                raise Immovable(f"git is told not to look at {mark[2:]}")

    def _check_place(self, file: str, files: Mapping[str, str]) -> None:
        """Git takes away what it ignores, or goes through a link, to make a file."""
        if os.path.lexists(os.path.join(self.root, file)):
            raise Immovable(f"{file} is there, and git does not know it")
        for parent in map(str, list(PurePosixPath(file).parents)[:-1]):
            path = os.path.join(self.root, parent)
            is_folder = os.path.isdir(path) and not os.path.islink(path)
            # One that the move itself takes away is a file of the commit.
            if os.path.lexists(path) and not is_folder and parent not in files:
                raise Immovable(f"{parent} is in the place of the folder for {file}")

    def _parents(self, commit: str) -> list[str]:
        return str(self._ask("rev-list", "--parents", "--max-count=1", commit)).split()[1:]

    def _ask(self, command: str, *words: str, **how: Any) -> str:
        """What git answers. Raises Immovable with what it says where it fails."""
        try:
            return str(getattr(self._git, command.replace("-", "_"))(*words, **how))
        except self._errors as problem:
            raise Immovable(_short(problem)) from problem


def _short(problem: BaseException) -> str:
    """What git said, in one line."""
    text = str(getattr(problem, "stderr", "") or problem)
    return " ".join(text.replace("stderr:", "").split())[:300].strip(" '")


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C does not count: neither for us, nor for git, which is on the same terminal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
