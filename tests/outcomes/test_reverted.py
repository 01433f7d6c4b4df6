"""Whether an answer was taken back: said by git, or seen from its branches."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha1

import pytest

from lodestar.outcomes.history import Reverts
from tests.outcomes.place import Place

NEW = "one\nred = 1\ngreen = 2\nblue = 3\nthree\n"
MORE = NEW + "black = 5\nwhite = 6\n"


def test_a_reverted_commit_names_who_reverted_it_and_keeps_nothing(place: Place) -> None:
    commit = place.answer({"app.py": NEW})
    place.git("revert", "--no-edit", commit, day=3)
    by = place.git("rev-parse", "HEAD")
    assert place.refresh().reverted == 1
    assert place.signals("reverted") == [{"hash": commit, "how": "revert", "by": by}]
    assert place.kept(commit) == {1: (3, 3), 7: (3, 0), 30: (3, 0)}


def test_a_revert_that_is_reverted_is_none(place: Place) -> None:
    commit = place.answer({"app.py": NEW})
    place.git("revert", "--no-edit", commit, day=3)
    place.refresh()
    place.git("revert", "--no-edit", "HEAD", day=4)
    place.refresh()
    assert not place.signals("reverted")


def test_a_revert_on_a_branch_that_is_not_merged_takes_nothing_back(place: Place) -> None:
    commit = place.answer({"app.py": NEW})
    place.git("checkout", "-q", "-b", "proposal")
    place.git("revert", "--no-edit", commit, day=3)
    place.git("checkout", "-q", "main")
    place.refresh()
    assert not place.signals("reverted")


def _reset(place: Place) -> None:
    place.git("reset", "-q", "--hard", "HEAD~1")


def _deleted_branch(place: Place) -> None:
    place.git("checkout", "-q", "-b", "other", "HEAD~1")
    place.git("branch", "-q", "-D", "main")


def _forced_away(place: Place) -> None:
    """By somebody else, and fetched."""
    bare = place.root.with_name("bare.git")
    place.git("clone", "-q", "--bare", str(place.root), str(bare))
    place.git("remote", "add", "origin", str(bare))
    place.git("fetch", "-q", "origin")
    place.git("update-ref", "refs/heads/main", "main~1", root=bare)
    place.git("fetch", "-q", "--force", "origin", "main:refs/remotes/origin/main")
    place.git("reset", "-q", "--hard", "origin/main")


@pytest.mark.parametrize("away", [_reset, _deleted_branch, _forced_away])
def test_a_commit_on_no_branch_is_gone_until_it_comes_back(
    place: Place, away: Callable[[Place], None]
) -> None:
    commit = place.answer({"app.py": NEW})
    away(place)
    place.refresh()
    assert place.signals("reverted") == [{"hash": commit, "how": "gone"}]
    assert place.kept(commit) == {1: (3, 0), 7: (3, 0), 30: (3, 0)}
    place.git("branch", "saved", commit)
    place.refresh()
    assert not place.signals("reverted")
    assert place.kept(commit)[30] == (3, 3)


def test_what_was_undone_is_not_told_twice(place: Place) -> None:
    commit = place.answer({"app.py": NEW})
    place.worklog.signal("undo", hash=commit)
    place.git("reset", "-q", "--hard", "HEAD~1")
    place.refresh()
    assert not place.signals("reverted")
    assert not place.signals("survival")


def _rebased(place: Place) -> None:
    place.git("checkout", "-q", "-b", "base", "HEAD~1")
    place.commit({"other.py": "x\n"}, day=1)
    place.git("rebase", "-q", "base", "main", day=2)


def _amended(place: Place) -> None:
    (place.root / "app.py").write_text(MORE)
    place.git("commit", "-q", "-a", "--amend", "-m", "better words", day=2)


def _picked(place: Place) -> None:
    commit = place.git("rev-parse", "HEAD")
    place.git("checkout", "-q", "-b", "release", "HEAD~1")
    place.git("branch", "-q", "-D", "main")
    place.commit({"other.py": "x\n"}, day=1)
    place.git("cherry-pick", commit, day=2)


def _squashed(place: Place) -> None:
    """With what came after it, as a forge does it; then the branch is deleted."""
    place.git("branch", "feature")
    place.git("reset", "-q", "--hard", "HEAD~1")
    place.git("checkout", "-q", "feature")
    place.commit({"app.py": MORE, "more.py": "x\n"}, day=1)
    place.git("checkout", "-q", "main")
    place.commit({"other.py": "x\n"}, day=1)
    place.git("merge", "-q", "--squash", "feature", day=2)
    place.git("commit", "-q", "-m", "feature (#1)", day=2)
    place.git("branch", "-q", "-D", "feature")


@pytest.mark.parametrize("rewrite", [_rebased, _amended, _picked, _squashed])
def test_work_that_was_written_anew_is_followed(
    place: Place, rewrite: Callable[[Place], None]
) -> None:
    commit = place.answer({"app.py": NEW})
    rewrite(place)
    assert place.git("rev-list", "--branches").count(commit) == 0
    place.commit({"app.py": (place.root / "app.py").read_text().replace("red = 1\n", "")}, day=12)
    place.refresh()
    assert not place.signals("reverted")
    assert place.kept(commit) == {1: (3, 3), 7: (3, 3), 30: (3, 2)}
    how = "squashed" if rewrite is _squashed else "rewritten"
    assert {data["how"] for data in place.signals("survival")} == {how}


def test_a_second_answer_with_the_same_lines_is_not_the_first_one(place: Place) -> None:
    first = place.answer({"app.py": NEW})
    place.git("reset", "-q", "--hard", "HEAD~1")
    second = place.answer({"app.py": NEW}, day=0.5)
    place.refresh()
    assert [data["hash"] for data in place.signals("reverted")] == [first]
    assert place.kept(first)[30] == (3, 0)
    assert place.kept(second)[30] == (3, 3)


def test_two_answers_that_were_squashed_into_one_are_both_found(place: Place) -> None:
    one = place.answer({"app.py": NEW})
    two = place.answer({"second.py": "alpha = 1\nbeta = 2\n"}, day=0.1)
    place.git("reset", "-q", "--soft", "HEAD~2")
    place.git("commit", "-q", "-m", "both", day=1)
    place.refresh()
    assert not place.signals("reverted")
    assert (place.kept(one)[7], place.kept(two)[7]) == ((3, 3), (2, 2))


def test_a_rewritten_commit_that_is_reverted_is_reverted(place: Place) -> None:
    commit = place.answer({"app.py": NEW})
    _amended(place)
    place.git("revert", "--no-edit", "HEAD", day=3)
    place.refresh()
    assert [data["how"] for data in place.signals("reverted")] == ["revert"]
    assert place.kept(commit)[7] == (3, 0)


def test_a_long_quarrel_of_reverts_is_settled_at_once() -> None:
    """Each takes back the two before it: to follow them one by one would never end."""
    names = [sha1(b"%d" % number).hexdigest().encode() for number in range(2000)]
    found = Reverts()
    for number in range(len(names) - 1, 1, -1):
        found.add(names[number], [names[number - 1][:12], names[number - 2]])
    # The newest stands, so the two before it do not, and so on.
    assert found.of(names[-1]) is None
    assert found.of(names[-2]) == names[-1]
    assert found.of(names[-3]) == names[-1]
    assert found.of(names[-4]) is None
    assert found.of(names[-5]) == names[-4]


def test_a_chain_of_reverts_counts_by_its_newest(place: Place) -> None:
    commit = place.answer({"app.py": NEW})
    for day in range(3, 8):
        place.git("revert", "--no-edit", "HEAD" if day > 3 else commit, day=day)
    place.refresh()
    # Five of them: taken back, and brought back twice.
    assert [data["how"] for data in place.signals("reverted")] == ["revert"]
    place.git("revert", "--no-edit", "HEAD", day=9)
    place.refresh()
    assert not place.signals("reverted")
