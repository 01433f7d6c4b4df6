"""A real repository, and a checkout of it as Aider's would be."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import git

from lodestar_aider.checkout import Checkout


class Repository:
    """A real repository with two commits: `old`, and `new`, which changes app.py and adds new.py.

    other.py is not touched by them; new is checked out.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "ann@example.org")
        self.git("config", "user.name", "Ann")
        self.write("app.py", "one\n")
        self.write("other.py", "other\n")
        self.old = self.commit()
        self.write("app.py", "two\n")
        self.write("new.py", "new\n")
        self.new = self.commit()
        # Of Aider's GitRepo only this is used.
        repo = git.Repo(root, odbt=git.GitDB)
        self.repo = SimpleNamespace(
            repo=repo, root=str(root), get_head_commit_sha=lambda: repo.head.commit.hexsha
        )
        self.checkout = Checkout(self.repo)

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def text(self, name: str) -> str:
        return (self.root / name).read_text()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", "a commit")
        return self.git("rev-parse", "HEAD")

    def state(self) -> tuple[str, str, str, dict[str, str]]:
        """All of it: the commit, the index, what differs from it, and the files."""
        files = {p.name: p.read_text() for p in self.root.iterdir() if p.is_file()}
        index = self.git("ls-files", "--stage")
        return self.git("rev-parse", "HEAD"), index, self.git("status", "--porcelain"), files
