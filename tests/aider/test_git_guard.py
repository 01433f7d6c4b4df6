"""Git as Aider calls it fetches nothing: a partial clone's settings name the program for that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFIG = """[extensions]
    partialClone = origin
[protocol]
    allow = always
[remote "origin"]
    url = {url}
    promisor = true
    uploadpack = touch {marker}.pack;
"""
PROGRAM = """
import sys
import git
from lodestar_aider import git_guard
if sys.argv[1] == "guarded":
    git_guard.install()
tool = git.Repo(sys.argv[2]).git
try:
    tool.cat_file("-p", "1" * 40)
except git.GitCommandError:
    print("no such object")
"""


def _ask(tmp_path: Path, how: str, url: str) -> tuple[str, list[Path]]:
    tmp_path.mkdir(exist_ok=True)
    repo = tmp_path / "repo"
    subprocess.run(["git", "init", "-q", repo], check=True)
    marker = tmp_path / "ran"
    text = CONFIG.format(url=url.format(marker=marker, here=repo), marker=marker)
    (repo / ".git" / "config").write_text(f"[core]\n    repositoryformatversion = 1\n{text}")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how, repo], capture_output=True, text=True, check=True
    )
    return done.stdout.strip(), list(tmp_path.glob("ran*"))


def test_a_missing_object_is_not_fetched_by_a_program_of_the_repository(tmp_path: Path) -> None:
    assert _ask(tmp_path / "a", "guarded", "{here}") == ("no such object", [])
    assert _ask(tmp_path / "b", "guarded", "ext::touch {marker}.ext") == ("no such object", [])


def test_without_the_guard_the_program_runs(tmp_path: Path) -> None:
    """So that the test above can fail."""
    assert _ask(tmp_path, "plain", "{here}") == ("no such object", [tmp_path / "ran.pack"])
