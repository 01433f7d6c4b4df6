"""Repositories that are gone, moved, cut short, huge, odd or hostile."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lodestar.commits import show_commit
from lodestar.outcomes import refresh as refreshing
from lodestar.outcomes.lines import FILE_LIMIT
from lodestar.outcomes.refresh import Pace
from lodestar.store.feedback import put_outcome
from tests.outcomes.place import Place

NEW = "one\nred = 1\ngreen = 2\nblue = 3\nthree\n"


def test_of_a_repository_that_is_gone_nothing_is_said(place: Place) -> None:
    place.answer({"app.py": NEW})
    shutil.rmtree(place.root)
    report = place.refresh()
    assert (report.looked, report.unknown, report.why) == (0, 1, "no git repository is there")
    assert not place.signals("survival")
    assert not place.signals("reverted")


def test_a_folder_around_the_project_that_is_a_repository_is_not_asked(
    place: Place, tmp_path: Path
) -> None:
    place.answer({"app.py": NEW})
    shutil.move(place.root / ".git", tmp_path / ".git")
    assert place.refresh().why == "no git repository is there"


def test_a_repository_that_was_moved_is_found_where_it_is_now(place: Place) -> None:
    commit = place.answer({"app.py": NEW})
    moved = place.root.with_name("elsewhere")
    place.root.rename(moved)
    assert place.refresh(moved).looked == 1
    assert place.kept(commit)[30] == (3, 3)


def test_of_a_shallow_clone_only_what_is_whole_in_it_is_counted(place: Place) -> None:
    cut = place.answer({"app.py": NEW})
    whole = place.answer({"other.py": "alpha\nbeta\n"}, day=1)
    clone = place.root.with_name("clone")
    place.git("clone", "-q", "--depth", "2", f"file://{place.root}", str(clone))
    shutil.rmtree(place.root)
    clone.rename(place.root)
    report = place.refresh()
    assert (report.looked, report.unknown) == (1, 1)
    assert not place.kept(cut)
    assert place.kept(whole)[30] == (2, 2)
    assert not place.signals("reverted")


def test_a_commit_beyond_the_cut_of_a_clone_is_not_called_gone(place: Place) -> None:
    place.answer({"app.py": NEW})
    place.commit({"other.py": "x\n"}, day=1)
    bare = place.root.with_name("bare.git")
    place.git("clone", "-q", "--bare", str(place.root), str(bare))
    place.git("remote", "add", "origin", f"file://{bare}")
    place.git("fetch", "-q", "--depth", "1", "origin")
    place.git("reset", "-q", "--hard", "origin/main")
    assert place.refresh().unknown == 1
    assert not place.signals("reverted")


def test_binary_and_huge_files_have_no_lines_to_count(place: Place) -> None:
    huge = "".join(f"number_{n} = {n}\n" for n in range(FILE_LIMIT // 16))
    assert len(huge) > FILE_LIMIT
    commit = place.answer({"huge.py": huge, "logo.png": bytes(range(256)), "app.py": NEW})
    place.refresh()
    assert place.kept(commit)[30] == (3, 3)
    assert {data["skipped"] for data in place.signals("survival")} == {1}


def test_a_binary_file_that_was_squashed_is_not_gone(place: Place) -> None:
    place.answer({"logo.png": bytes(range(256))})
    place.git("reset", "-q", "--soft", "HEAD~1")
    place.git("commit", "-q", "-m", "again", day=2)
    place.refresh()
    assert not place.signals("reverted")


@pytest.mark.parametrize("name", [b"caf\xe9.py", b"two\nlines.py", b"-x.py", b":(glob)*", b"a\tb"])
def test_any_name_of_a_file_will_do(place: Place, name: bytes) -> None:
    with open(bytes(place.root) + b"/" + name, "wb") as file:
        file.write(b"alpha\nbeta \xff\n")
    commit = place.answer({})
    place.git(b"mv", b"--", b"./" + name, b"./" + name + b".new")
    place.commit({}, day=2)
    place.refresh()
    assert place.kept(commit) == {1: (2, 2), 7: (2, 2), 30: (2, 2)}


def test_a_branch_without_a_commit_and_a_head_on_no_branch_are_no_obstacle(place: Place) -> None:
    commit = place.answer({"app.py": NEW})
    place.git("checkout", "-q", "--orphan", "empty")
    place.refresh()
    assert place.kept(commit)[30] == (3, 3)
    place.git("checkout", "-q", "-f", "--detach", "main")
    other = place.answer({"other.py": "alpha\n"}, day=2)
    place.refresh()
    assert place.kept(other)[30] == (1, 1)
    assert not place.signals("reverted")


def test_where_the_time_is_up_the_rest_is_left_for_the_next_time(place: Place) -> None:
    commit = place.answer({"app.py": NEW})
    report = place.refresh(pace=Pace(seconds=0, command_s=60))
    assert (report.left, report.why) == (1, "there was no time for more")
    assert not place.signals("survival")
    assert place.refresh().left == 0
    assert place.kept(commit)[30] == (3, 3)


def test_a_git_that_takes_too_long_is_ended(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.answer({"app.py": NEW})
    slow = place.root.with_name("bin")
    slow.mkdir()
    (slow / "git").write_text("#!/bin/sh\nexec sleep 600\n")
    (slow / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow}:/usr/bin:/bin")
    report = place.refresh(pace=Pace(seconds=60, command_s=0.2))
    assert (report.looked, report.unknown) == (0, 1)


def test_whoever_looks_at_the_same_time_is_left_alone(place: Place) -> None:
    place.answer({"app.py": NEW})
    with refreshing._alone(place.home, place.root) as free:
        report = place.refresh()
    assert free
    assert (report.looked, report.left, report.why) == (0, 1, "another session is looking")
    assert place.refresh().looked == 1


def test_what_is_no_hash_is_never_given_to_git(place: Place) -> None:
    place.record("--output=gone")
    assert place.refresh().unknown == 0


def test_nothing_is_kept_of_a_commit_that_was_purged(place: Place) -> None:
    put_outcome(place.store, "no such signal", "survival-1", "survival", {})
    assert not place.signals("survival")


HOSTILE = """\
[core]
    fsmonitor = touch {marker}.fsmonitor
    hooksPath = {hooks}
    pager = touch {marker}.pager
    sshCommand = touch {marker}.ssh
[pager]
    log = touch {marker}.log
    blame = touch {marker}.blame
[diff]
    external = touch {marker}.external
[diff "bad"]
    command = touch {marker}.command
    textconv = touch {marker}.textconv
[filter "bad"]
    clean = touch {marker}.clean
    smudge = touch {marker}.smudge
    process = touch {marker}.process
    required = true
[gpg]
    program = {hooks}/post-index-change
[log]
    showSignature = true
[alias]
    log = !touch {marker}.alias
[protocol]
    allow = always
[protocol "ext"]
    allow = always
[extensions]
    partialClone = origin
[remote "origin"]
    url = {url}
    fetch = +refs/heads/*:refs/remotes/origin/*
    promisor = true
    uploadpack = touch {marker}.uploadpack;
"""


@pytest.mark.parametrize("url", ["ext::touch {marker}.ext", "{here}", "ssh://localhost/x"])
def test_nothing_that_a_repository_names_is_run(place: Place, tmp_path: Path, url: str) -> None:
    commit = place.answer({"app.py": NEW})
    missing = "1" * 40
    place.record(missing)
    marker, hooks = tmp_path / "ran", tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "reference-transaction", "post-checkout"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marker}.hook\n")
        (hooks / name).chmod(0o755)
    url = url.format(marker=marker, here=place.root)
    text = HOSTILE.format(marker=marker, hooks=hooks, url=url)
    with open(place.root / ".git" / "config", "a") as file:
        file.write(text)
    (place.root / ".git" / "info" / "attributes").write_text("* diff=bad filter=bad\n")
    report = place.refresh()
    assert "is not in" in show_commit(place.root, missing)
    assert not list(tmp_path.glob("ran*"))
    assert (report.looked, report.unknown) == (1, 1)
    assert place.kept(commit)[30] == (3, 3)
