"""How many lines of an answer are there after a day, a week and a month."""

from __future__ import annotations

import time

import pytest

from tests.outcomes.place import DAY_S, Place

OLD = "one\ntwo\nthree\n"
NEW = "one\nred = 1\ngreen = 2\nblue = 3\ngrey = 4\nthree\n"


def test_lines_are_counted_as_they_were_at_each_age(place: Place) -> None:
    commit = place.answer({"app.py": NEW})
    place.commit({"app.py": NEW.replace("red = 1", "red = 9")}, day=3)
    place.commit({"app.py": OLD}, day=20)
    place.commit({"other.py": "x\n"}, day=35)
    report = place.refresh()
    assert place.kept(commit) == {1: (4, 4), 7: (4, 3), 30: (4, 0)}
    assert (report.looked, report.measured, report.reverted, report.left) == (1, 1, 0, 0)


def test_each_age_is_counted_once_and_what_came_later_changes_nothing(place: Place) -> None:
    commit = place.answer({"app.py": NEW})
    place.refresh()
    before = place.store.rows("SELECT * FROM signals ORDER BY rowid")
    place.commit({"app.py": OLD}, day=39)
    assert place.refresh().measured == 0
    assert place.store.rows("SELECT * FROM signals ORDER BY rowid") == before
    assert place.kept(commit) == {1: (4, 4), 7: (4, 4), 30: (4, 4)}


@pytest.mark.parametrize(("age", "ages"), [(0.9, []), (1.1, [1]), (8, [1, 7]), (31, [1, 7, 30])])
def test_an_age_that_is_not_reached_is_not_counted(
    place: Place, age: float, ages: list[int]
) -> None:
    commit = place.answer({"app.py": NEW}, day=(time.time() - place.start_s) / DAY_S - age)
    place.refresh()
    assert sorted(place.kept(commit)) == ages


def test_each_signal_is_tied_to_the_exchange_of_its_commit(place: Place) -> None:
    commit = place.commit({"app.py": NEW})
    exchange = place.record(commit)
    place.refresh()
    rows = place.store.rows("SELECT * FROM signals WHERE type = 'survival'")
    assert {row["exchange_id"] for row in rows} == {exchange}
    assert {row["session_id"] for row in rows} == {place.worklog.session}
    assert {row["commit_hash"] for row in rows} == {commit}


def test_lines_that_moved_or_were_indented_or_whose_file_was_renamed_are_still_there(
    place: Place,
) -> None:
    text = "".join(f"value_{n} = compute({n}, 'some words')\n" for n in range(12))
    commit = place.answer({"new.py": text})
    place.git("mv", "new.py", "renamed.py")
    place.commit({}, day=2)
    place.commit({"renamed.py": "if True:\n" + text.replace("value", "    value")}, day=3)
    place.refresh()
    assert place.kept(commit) == {1: (12, 12), 7: (12, 12), 30: (12, 12)}


def test_what_an_answer_only_indented_is_not_counted_as_its_own(place: Place) -> None:
    commit = place.answer({"app.py": "if True:\n    one\n    two\n    three\n"})
    place.refresh()
    assert place.kept(commit)[1] == (1, 1)


def test_an_answer_that_only_takes_lines_away_has_none_to_keep(place: Place) -> None:
    commit = place.answer({"app.py": "one\n"})
    place.refresh()
    assert place.kept(commit)[30] == (0, 0)


def test_the_first_commit_of_a_repository_has_a_beginning(place: Place) -> None:
    first = place.git("rev-list", "--max-parents=0", "HEAD")
    place.record(first)
    place.commit({"app.py": "one\ntwo\n"}, day=2)
    place.refresh()
    assert place.kept(first) == {1: (3, 3), 7: (3, 2), 30: (3, 2)}


def test_a_branch_that_was_merged_late_counts_as_it_stood(place: Place) -> None:
    """On the main branch the work is there from day 10 on; it was there before, beside it."""
    place.git("checkout", "-q", "-b", "feature")
    commit = place.answer({"app.py": NEW})
    place.commit({"app.py": NEW.replace("red = 1\n", "")}, day=5)
    place.git("checkout", "-q", "main")
    place.commit({"other.py": "x\n"}, day=6)
    place.git("merge", "-q", "--no-ff", "-m", "merge", "feature", day=10)
    place.commit({"other.py": "y\n"}, day=20)
    place.refresh()
    assert place.kept(commit) == {1: (4, 4), 7: (4, 3), 30: (4, 3)}


def test_commits_of_the_user_are_not_looked_at(place: Place) -> None:
    place.record(place.commit({"app.py": NEW}), aider_edits=False)
    assert place.refresh().looked == 0
    assert not place.signals("survival")
