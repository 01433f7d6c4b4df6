"""The branch that is checked out, read without running git in a stranger's repository."""

from __future__ import annotations

from pathlib import Path

_PREFIX = "ref: refs/heads/"


def current_branch(root: Path) -> str | None:
    """The branch's name; None outside a repository and on a detached head."""
    git = root / ".git"
    try:
        if git.is_file():
            git = (root / git.read_text("utf-8").removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return head.removeprefix(_PREFIX)[:200] if head.startswith(_PREFIX) else None
