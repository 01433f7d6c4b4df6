"""`lodestar rate`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from lodestar.commits import show_commit
from lodestar.paths import Home
from lodestar.store.feedback import add_rating
from lodestar.store.store import Store
from lodestar.unrated import unrated_edits
from tests.cli.conftest import Cli
from tests.cli.worklog import Worklog


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody."""
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit of one line."""
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "app.py").write_text("print('hello')\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "greet")
    return folder


@pytest.fixture
def worklog(store: Store, home: Home, project: Path) -> Worklog:
    return Worklog(store, home, project).start()


def ratings(store: Store) -> list[tuple[object, ...]]:
    sql = "SELECT exchange_id, verdict, reason, comment, source, undone_ms IS NOT NULL FROM ratings"
    return [tuple(row) for row in store.rows(sql)]


def test_one_exchange_is_rated_by_the_end_of_its_id(
    cli: Cli, store: Store, worklog: Worklog
) -> None:
    exchange = worklog.exchange()
    result = cli("rate", exchange[-6:], "bad", "--reason", "wrong", "--comment", "no tests")
    assert result.code == 0
    assert "recorded: bad (wrong)" in result.err
    assert ratings(store) == [(exchange, "bad", "wrong", "no tests", "command", 0)]


def test_undo_takes_the_newest_rating_back(cli: Cli, store: Store, worklog: Worklog) -> None:
    exchange = worklog.exchange()
    cli("rate", exchange, "good")
    assert cli("rate", "--undo").err.endswith(f"took back: good ({exchange})\n")
    assert ratings(store) == [(exchange, "good", None, None, "command", 1)]
    assert "no rating to take back" in cli("rate", "--undo").err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("last",), "is rated `good` or `bad`"),
        (("last", "fine"), "is rated `good` or `bad`"),
        (("last", "bad", "--reason", "ugly"), "`ugly` is not a reason"),
        (("last", "good", "--reason", "wrong"), "only `bad` has a reason"),
        (("nosuch", "good"), "there is no exchange `nosuch`"),
    ],
)
def test_a_wrong_rating_is_refused(
    cli: Cli, worklog: Worklog, arguments: tuple[str, ...], what: str
) -> None:
    worklog.exchange()
    result = cli("rate", *arguments)
    assert result.code == 2
    assert what in result.error[0]


def test_nothing_to_rate_is_no_failure(cli: Cli, worklog: Worklog) -> None:
    worklog.exchange()
    result = cli("rate")
    assert (result.code, "every edit is rated" in result.err) == (0, True)


def test_without_a_terminal_it_says_how_to_rate(cli: Cli, worklog: Worklog) -> None:
    worklog.signal("commit", worklog.exchange(), hash="abc1234")
    result = cli("rate")
    assert result.code == 2
    assert result.error[-1] == "do:    name one: lodestar rate EXCHANGE good|bad"


def test_rated_and_undone_edits_and_questions_are_left_out(store: Store, worklog: Worklog) -> None:
    open_edit, rated, undone = (worklog.exchange(str(n)) for n in range(3))
    worklog.exchange("a question", kind="ask")
    for number, exchange in enumerate((open_edit, rated, undone)):
        worklog.signal("commit", exchange, hash=f"abc000{number}")
    add_rating(store, worklog.session, rated, "good", "command")
    worklog.signal("undo", undone, hash="abc0002")
    edits = unrated_edits(store)
    assert [(e.exchange, e.commits) for e in edits] == [(open_edit, ("abc0000",))]


def test_the_list_shows_each_diff_and_saves_one_by_one(
    store: Store, worklog: Worklog, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = git(project, "rev-parse", "HEAD")
    first, second, third = (worklog.exchange(str(n)) for n in range(3))
    for exchange in (first, second, third):
        worklog.signal("commit", exchange, hash=head)
    monkeypatch.delenv("LODESTAR_NO_INPUT")
    child = pexpect.spawn(
        sys.executable,
        ["-m", "lodestar", "rate"],
        cwd=str(project),
        env={**os.environ, "TERM": "xterm"},
        encoding="utf-8",
        timeout=30,
        dimensions=(40, 100),
    )
    child.expect(r"\[1/3\]")
    child.expect(r"\+print\('hello'\)")
    child.expect("Did this change help")
    child.send("\r")
    child.expect(r"\[2/3\]")
    child.expect("Did this change help")
    child.send("\x1b[B\r")
    child.expect("Why")
    child.send("\x1b[B\r")
    child.expect(r"\[3/3\]")
    child.expect("Did this change help")
    child.sendintr()
    child.expect("recorded 2 of 3")
    child.close(force=True)
    assert ratings(store) == [
        (third, "good", None, None, "list", 0),
        (second, "bad", "incomplete", None, "list", 0),
    ]


def test_showing_a_commit_runs_nothing_that_the_repository_names(project: Path) -> None:
    trap = project / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{project}/sprung'\ncat \"$1\"\n")
    trap.chmod(0o755)
    for name in ("diff.external", "diff.x.textconv", "diff.x.command", "core.fsmonitor"):
        git(project, "config", name, str(trap))
    for name in ("core.pager", "pager.show", "gpg.program"):
        git(project, "config", name, str(trap))
    git(project, "config", "log.showSignature", "true")
    (project / ".git" / "info" / "attributes").write_text("*.py diff=x\n")
    text = show_commit(project, git(project, "rev-parse", "HEAD"))
    assert "+print('hello')" in text
    assert not (project / "sprung").exists()


@pytest.mark.parametrize("commit", ["--output=x", "HEAD", "abc1234", ""])
def test_what_is_no_commit_is_one_line(project: Path, commit: str) -> None:
    text = show_commit(project, commit)
    assert text.startswith("(")
    assert len(text.splitlines()) == 1


def test_a_key_in_a_comment_is_not_stored(
    cli: Cli, worklog: Worklog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "canary-key-4711")
    exchange = worklog.exchange()
    assert cli("rate", exchange, "good", "--comment", "used canary-key-4711 \udc80").code == 0
    comment = worklog.store.rows("SELECT comment FROM ratings")[0]["comment"]
    assert comment == "used [REDACTED:known] ?"


def test_up_and_down_rate_the_last_answer_which_is_no_commit_message(
    cli: Cli, store: Store, worklog: Worklog
) -> None:
    edit = worklog.exchange()
    worklog.exchange(kind="commit_message")
    assert cli("rate", "up").code == 0
    assert cli("rate", "down", "incomplete").code == 0
    assert cli("rate", "down", "--reason", "format").code == 0
    assert [row[:3] for row in ratings(store)] == [
        (edit, "good", None),
        (edit, "bad", "incomplete"),
        (edit, "bad", "format"),
    ]
    assert cli("rate", "down", "ugly").code == 2
    assert cli("rate", "up", "wrong").code == 2


def test_inside_a_session_the_last_answer_is_that_sessions(
    cli: Cli, store: Store, home: Home, worklog: Worklog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `!lodestar rate up` in Aider; another terminal may have asked since."""
    mine = worklog.exchange(received_ms=1)
    other = Worklog(store, home, worklog.project).start()
    newest = other.exchange(received_ms=2)
    assert newest in cli("log", "show").out
    monkeypatch.setenv("LODESTAR_SESSION", worklog.session)
    assert mine in cli("log", "show").out
    assert cli("rate", "up").code == 0
    assert [row[0] for row in ratings(store)] == [mine]
    monkeypatch.setenv("LODESTAR_SESSION", Worklog(store, home, worklog.project).start().session)
    assert "this session has no answer yet" in cli("rate", "up").err
