"""The summary at the end of a session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lodestar.paths import Home
from lodestar.store.store import Store
from lodestar.summary import Summary, render, summary
from tests.cli.worklog import Worklog

EMPTY = Summary(
    project="shop",
    started="2026-01-01 00:00",
    duration_ms=0,
    exchanges=0,
    failed=0,
    tokens_in=None,
    tokens_out=None,
    estimated=False,
    files=0,
    commits=0,
    insertions=0,
    deletions=0,
    tests=None,
    lint=None,
    models=(),
    labels=(),
    extra=(),
)


@pytest.fixture
def worklog(store: Store, home: Home) -> Worklog:
    return Worklog(store, home, Path("/home/dev/shop")).start()


def found(worklog: Worklog) -> Summary:
    result = summary(worklog.store, worklog.session, "UTC", {"local-coder": "demo model"})
    assert result is not None
    return result


def test_it_counts_what_happened_in_the_session(worklog: Worklog) -> None:
    edit = worklog.exchange(tokens=(4000, 100))
    worklog.exchange(kind="ask", tokens=(100, 20))
    worklog.exchange(status="error", tokens=(None, None))
    worklog.signal("commit", edit, hash="a1", files=["a.py"], insertions=2, deletions=1)
    worklog.signal("commit", edit, hash="b2", files=["a.py", "b.py"], insertions=1, deletions=1)
    worklog.end()
    result = replace(found(worklog), duration_ms=125_000)
    assert render(result) == (
        "shop: 2 min, 3 exchanges, 1 failed, 4.1k tokens in, 120 out,"
        " 2 files +3 -2, 2 commits (demo model: local-coder)"
    )


def test_an_undone_commit_does_not_count(worklog: Worklog) -> None:
    edit = worklog.exchange()
    worklog.signal("commit", edit, hash="a1", files=["a.py"], insertions=2, deletions=1)
    worklog.signal("undo", edit, hash="a1")
    assert found(worklog).commits == 0
    assert "no edits" in render(found(worklog))


def test_the_order_of_signals_is_that_of_their_arrival(worklog: Worklog) -> None:
    edit = worklog.exchange()
    worklog.signal("commit", edit, id="f0", hash="a1", files=["a.py"], insertions=2, deletions=1)
    worklog.signal("undo", edit, id="0f", hash="a1")
    worklog.signal("test", edit, id="f1", errors=True)
    worklog.signal("test", edit, id="1f", errors=False)
    assert (found(worklog).commits, found(worklog).tests) == (0, True)


def test_edits_that_no_commit_holds_are_said(worklog: Worklog) -> None:
    edit = worklog.exchange()
    worklog.signal("apply", edit, edited=["./a.py", "b.py"])
    worklog.signal("apply", edit, edited=["a.py"])
    assert "1 exchange, 1.2k tokens in, 40 out, 2 files edited, not committed" in render(
        found(worklog)
    )
    worklog.signal("commit", edit, hash="a1", files=["a.py"], insertions=2, deletions=1)
    assert "1 file +2 -1, 1 commit, 1 file edited, not committed" in render(found(worklog))
    worklog.signal("commit", edit, hash="b2", files=["b.py"], insertions=2, deletions=1)
    assert "not committed" not in render(found(worklog))


def test_an_undone_edit_is_no_uncommitted_one(worklog: Worklog) -> None:
    edit = worklog.exchange()
    worklog.signal("apply", edit, edited=["a.py"])
    worklog.signal("commit", edit, hash="a1", files=["a.py"], insertions=2, deletions=1)
    worklog.signal("undo", edit, hash="a1")
    assert "no edits" in render(found(worklog))


def test_nothing_is_said_of_edits_that_nobody_watched() -> None:
    assert "edit" not in render(replace(EMPTY, watched=False))


def test_the_last_run_of_the_tests_counts(worklog: Worklog) -> None:
    worklog.signal("test", errors=True)
    worklog.signal("lint", errors=True)
    worklog.signal("test", errors=False)
    result = found(worklog)
    assert (result.tests, result.lint) == (True, False)
    assert render(result).splitlines()[1] == "tests pass, lint fail"


def test_an_empty_session_is_no_failure(worklog: Worklog) -> None:
    result = found(worklog)
    assert (result.exchanges, result.failed, result.tokens_in) == (0, 0, None)
    assert render(result).startswith("shop: 0 s, 0 exchanges, no edits")


def test_an_unknown_session_has_no_summary(store: Store) -> None:
    assert summary(store, "01NOSUCH") is None


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [(59_999, "59 s"), (60_000, "1 min"), (3_600_000, "1 h 00 min"), (7_500_000, "2 h 05 min")],
)
def test_durations_are_short(duration_ms: int, text: str) -> None:
    assert render(replace(EMPTY, duration_ms=duration_ms)).startswith(f"shop: {text}, ")


@pytest.mark.parametrize(
    ("tokens", "text"),
    [(999, "999 tokens"), (1000, "1.0k tokens"), (999_960, "1.0M tokens"), (1_500_000, "1.5M")],
)
def test_token_counts_are_short_and_say_when_estimated(tokens: int, text: str) -> None:
    line = render(replace(EMPTY, tokens_in=tokens, tokens_out=1, estimated=True))
    assert text in line
    assert "1 out (estimated)" in line


def test_the_modules_lines_follow_and_cannot_steer_the_terminal() -> None:
    lines = render(replace(EMPTY, project="a\x1b[2J\nb", extra=("$0.00 spent",))).splitlines()
    assert lines[0].startswith("a b: ")
    assert lines[1] == "$0.00 spent"
