"""A branch moved between two commits: whole or not at all, and nobody's work is touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lodestar_aider.checkout import Immovable
from tests.aider.repository import Repository

Break = Callable[[Repository], object]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "a repository")


def test_a_commit_is_taken_back_with_its_new_files_and_brought_back_whole(
    repository: Repository,
) -> None:
    before = repository.state()
    repository.checkout.move(repository.new, repository.old)
    assert repository.text("app.py") == "one\n"
    assert not (repository.root / "new.py").exists()
    assert repository.git("status", "--porcelain") == ""
    assert repository.git("symbolic-ref", "HEAD") == "refs/heads/main"
    repository.checkout.move(repository.old, repository.new)
    assert repository.state() == before


def test_what_is_staged_and_changed_elsewhere_stays_staged_and_changed(
    repository: Repository,
) -> None:
    repository.write("other.py", "staged\n")
    repository.write("born.py", "staged, too\n")
    repository.git("add", "other.py", "born.py")
    repository.write("other.py", "and changed again\n")
    repository.write("loose.py", "git does not know it\n")
    before = repository.state()
    repository.checkout.move(repository.new, repository.old)
    assert repository.git("show", ":other.py") == "staged"
    assert repository.git("show", ":born.py") == "staged, too"
    assert repository.text("other.py") == "and changed again\n"
    assert repository.text("loose.py") == "git does not know it\n"
    repository.checkout.move(repository.old, repository.new)
    assert repository.state() == before


def change(name: str) -> Break:
    return lambda repository: repository.write(name, "mine\n")


def stage(repository: Repository) -> None:
    repository.write("app.py", "mine\n")
    repository.git("add", "app.py")
    # The file looks clean again, what is staged does not.
    repository.write("app.py", "two\n")


def hide(repository: Repository) -> None:
    repository.git("update-index", "--skip-worktree", "app.py")
    repository.write("app.py", "mine\n")


def assume(repository: Repository) -> None:
    repository.git("update-index", "--assume-unchanged", "app.py")
    repository.write("app.py", "mine\n")


def under_way(name: str) -> Break:
    return lambda repository: repository.write(f".git/{name}", repository.old)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (change("app.py"), "app.py has uncommitted changes"),
        (change("new.py"), "new.py has uncommitted changes"),
        (stage, "app.py has uncommitted changes"),
        (lambda repository: (repository.root / "app.py").unlink(), "app.py has uncommitted"),
        (hide, "git is told not to look at app.py"),
        (assume, "git is told not to look at app.py"),
        (under_way("MERGE_HEAD"), "a merge is under way"),
        (under_way("CHERRY_PICK_HEAD"), "a cherry-pick is under way"),
        (under_way("BISECT_LOG"), "a bisect is under way"),
        (under_way("index.lock"), "index.lock"),
        (under_way("refs/heads/main.lock"), "main.lock"),
        (lambda repository: repository.git("checkout", "-q", "--detach"), "no branch is"),
        (lambda repository: repository.git("reset", "-q", "--soft", "HEAD~1"), "another commit"),
    ],
)
def test_where_something_is_in_the_way_nothing_changes(
    repository: Repository, spoil: Break, why: str
) -> None:
    spoil(repository)
    before = repository.state()
    with pytest.raises(Immovable, match=why):
        repository.checkout.move(repository.new, repository.old)
    assert repository.state() == before


def test_a_file_that_git_does_not_know_is_not_overwritten(repository: Repository) -> None:
    repository.checkout.move(repository.new, repository.old)
    repository.write(".git/info/exclude", "new.py\n")
    repository.write("new.py", "mine, and ignored\n")
    before = repository.state()
    with pytest.raises(Immovable, match=r"new\.py is there"):
        repository.checkout.move(repository.old, repository.new)
    assert repository.state() == before


def file_in_place(repository: Repository) -> None:
    repository.write("out", "mine, and ignored\n")


def link_in_place(repository: Repository) -> None:
    (repository.root / "elsewhere").mkdir()
    (repository.root / "out").symlink_to("elsewhere")


@pytest.mark.parametrize("put", [file_in_place, link_in_place])
def test_what_is_in_the_place_of_a_folder_is_not_overwritten(
    repository: Repository, put: Break
) -> None:
    repository.write(".git/info/exclude", "out\nelsewhere\n")
    (repository.root / "out" / "deep").mkdir(parents=True)
    repository.write("out/deep/made.py", "made\n")
    repository.git("add", "--force", "out")
    top = repository.commit()
    repository.checkout.move(top, repository.new)
    assert not (repository.root / "out").exists()
    put(repository)
    before = repository.state()
    with pytest.raises(Immovable, match=r"out is in the place of the folder for out/deep/made\.py"):
        repository.checkout.move(repository.new, top)
    assert repository.state() == before
    assert not (repository.root / "out" / "deep").exists()


def test_a_file_of_the_commit_makes_room_for_a_folder(repository: Repository) -> None:
    repository.write("d", "a file\n")
    below = repository.commit()
    (repository.root / "d").unlink()
    (repository.root / "d").mkdir()
    repository.write("d/made.py", "made\n")
    top = repository.commit()
    repository.git("reset", "-q", "--hard", below)
    repository.checkout.move(below, top)
    assert repository.text("d/made.py") == "made\n"


def test_a_commit_without_files_is_left_whatever_else_is_changed(repository: Repository) -> None:
    repository.git("commit", "-q", "--allow-empty", "-m", "nothing")
    repository.write("other.py", "mine\n")
    top = repository.git("rev-parse", "HEAD")
    repository.checkout.move(top, repository.new)
    assert repository.git("rev-parse", "HEAD") == repository.new
    assert repository.text("other.py") == "mine\n"


def test_a_file_that_was_only_touched_is_in_nobodys_way(repository: Repository) -> None:
    (repository.root / "app.py").touch()
    repository.checkout.move(repository.new, repository.old)
    assert repository.text("app.py") == "one\n"


def test_names_that_look_like_patterns_are_names(repository: Repository) -> None:
    repository.write("[ao]*.py", "odd\n")
    top = repository.commit()
    repository.write("other.py", "mine\n")
    repository.checkout.move(top, repository.new)
    assert not (repository.root / "[ao]*.py").exists()
    assert repository.text("other.py") == "mine\n"


def test_the_commit_below_those_of_an_answer_is_found(repository: Repository) -> None:
    repository.write("app.py", "three\n")
    top = repository.commit()
    below = repository.checkout.below
    assert below(top, [repository.new, top]) == repository.old
    assert below(top, [top]) == repository.new
    assert below(top, [repository.new]) == top
    with pytest.raises(Immovable, match="no commit to go back to"):
        below(top, [repository.old, repository.new, top])


def test_a_commit_that_a_remote_has_is_published(repository: Repository, tmp_path: Path) -> None:
    assert not repository.checkout.is_published(repository.new)
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "remote"))
    repository.git("remote", "add", "elsewhere", str(tmp_path / "remote"))
    repository.git("fetch", "-q", "elsewhere")
    assert repository.checkout.is_published(repository.new)
    repository.write("app.py", "three\n")
    assert not repository.checkout.is_published(repository.commit())


def test_a_file_is_compared_as_git_would_keep_it(repository: Repository) -> None:
    repository.write(".gitattributes", "*.py text eol=crlf\n")
    (repository.root / "app.py").write_bytes(b"a\r\n")
    top = repository.commit()
    assert repository.checkout.holds(top, "app.py", b"a\r\n")
    assert not repository.checkout.holds(top, "app.py", b"b\r\n")
    assert not repository.checkout.holds(top, "gone.py", b"")
