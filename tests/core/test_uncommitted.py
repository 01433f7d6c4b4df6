"""Edits that no commit holds: who is told of them, when, and when not."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lodestar.paths import Home
from lodestar.store.schema import CORE
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from lodestar.store.uncommitted import journal_path
from lodestar.supervisor.uncommitted import settle, tell_left, tell_own
from lodestar_aider.journal import Journal
from lodestar_aider.turns import Turns


class Machine:
    """A project with one committed file, and the notes of killed sessions."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root / "home")
        self.project = root / "project"
        self.project.mkdir()
        self.git("init", "-q")
        self.git("config", "user.email", "dev@example.org")
        self.git("config", "user.name", "Dev")
        self.write("app.py", "before")
        self.commit()
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        self.dead = dead.pid

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.project, check=True)

    def write(self, name: str, text: str) -> None:
        (self.project / name).write_text(text)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "more")

    def note(self, session: str, *names: str, owner: int | None = None, before: Any = None) -> None:
        """What the launcher of a session leaves that has edited these files."""
        data = {
            "owner": self.dead if owner is None else owner,
            "root": str(self.project),
            "request": None,
            "files": {str(self.project / name): before for name in names},
        }
        journal_path(self.home, session).write_text(json.dumps(data))

    def notes(self) -> list[str]:
        return sorted(path.name for path in self.home.folder("run").iterdir())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def store(machine: Machine) -> Iterator[Store]:
    with Store.open(machine.home.database, [CORE]) as opened:
        yield opened


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_it_is_told_until_it_is_settled_and_recorded_once(
    machine: Machine, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    start_session(store, machine.home, Session("S1", None, "default", None, machine.dead))
    machine.note("S1", "app.py", "new.py")
    machine.write("app.py", "after")
    machine.write("new.py", "after")
    told = tell_left(machine.home, machine.project)
    line = "warning: a session that was killed left uncommitted edits: app.py, new.py"
    assert said(capsys) == [f"{line} (see: git diff)"]
    for _ in range(2):
        settle(machine.home, store, told)
    assert tell_left(machine.home, machine.project) == []
    rows = store.rows("SELECT session_id, type, data FROM signals")
    assert [tuple(row) for row in rows] == [
        ("S1", "uncommitted", '{"files": ["app.py", "new.py"]}')
    ]
    assert machine.notes() == []


def test_what_was_not_written_or_is_committed_by_now_is_not_told(
    machine: Machine, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.write("app.py", "the user's own change")
    digest = hashlib.sha256(b"the user's own change").hexdigest()
    machine.note("S1", "app.py", before=digest)
    machine.note("S2", "gone.py")
    machine.note("S3", "later.py")
    machine.write("later.py", "after")
    machine.git("add", "later.py")
    machine.git("commit", "-qm", "by hand")
    settle(machine.home, store, tell_left(machine.home, machine.project))
    assert said(capsys) == []
    assert machine.notes() == []


def test_the_living_the_stopped_and_other_projects_are_left_alone(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    os.kill(stopped.pid, signal.SIGSTOP)
    try:
        machine.write("app.py", "after")
        machine.note("S1", "app.py", owner=os.getpid())
        machine.note("S2", "app.py", owner=stopped.pid)
        assert tell_left(machine.home, machine.project) == []
        machine.note("S3", "app.py")
        assert tell_left(machine.home, tmp_path) == []
        assert said(capsys) == []
        assert machine.notes() == ["S1.edits", "S2.edits", "S3.edits"]
    finally:
        stopped.kill()
        stopped.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"owner": "x"}', '{"owner": 1, "files": 3}'])
def test_a_broken_note_hurts_nobody(machine: Machine, text: str) -> None:
    journal_path(machine.home, "S1").write_text(text.replace("1", str(machine.dead)))
    assert tell_left(machine.home, machine.project) == []
    assert machine.notes() == []


def test_names_are_few_and_cannot_steer_the_terminal(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["a\x1b[2J\n.py", *(f"{n}.py" for n in range(7))]
    for name in names:
        machine.write(name, "after")
    machine.note("S1", *names)
    tell_left(machine.home, machine.project)
    (line,) = said(capsys)
    assert line.endswith("and 3 more (see: git diff)")
    assert "\x1b" not in line


def test_looking_runs_nothing_that_the_repository_names(machine: Machine, tmp_path: Path) -> None:
    machine.git("config", "core.fsmonitor", f"touch {tmp_path}/marker; false")
    machine.write("app.py", "after")
    machine.note("S1", "app.py")
    assert tell_left(machine.home, machine.project)
    assert not (tmp_path / "marker").exists()


def test_a_session_without_a_terminal_leaves_its_note_to_the_next(
    machine: Machine, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.write("app.py", "after")
    machine.note("S1", "app.py")
    window, terminal = os.openpty()
    os.close(window)
    # What could not be written then cannot be written when it is closed, either.
    with contextlib.suppress(OSError), open(terminal, "w", buffering=1) as hung_up:
        monkeypatch.setattr(sys, "stderr", hung_up)
        tell_own(machine.home, store, "S1")
    monkeypatch.undo()
    assert machine.notes() == ["S1.edits"]
    tell_own(machine.home, store, "S1")
    assert machine.notes() == []


class Coder:
    """As much of Aider's as the launcher looks at."""

    dry_run = False
    repo = object()

    def __init__(self, root: Path, auto_commits: bool = True) -> None:
        self.root = str(root)
        self.auto_commits = auto_commits


def edit(journal: Journal, coder: Coder, *names: str) -> None:
    """Write the files as Aider's edit does."""
    write = journal._write_text(lambda io, name, text: Path(name).write_text(text))
    journal._apply_updates(lambda _: [write(None, f"{coder.root}/{n}", "after") for n in names])(
        coder
    )


def test_a_commit_settles_its_own_files_only(
    machine: Machine, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    path = journal_path(machine.home, "S1")
    journal = Journal(str(path), Turns())
    edit(journal, Coder(machine.project), "app.py", "other.py")
    assert path.stat().st_mode & 0o077 == 0
    journal.committed(str(machine.project), ["other.py", "yet another.py"])
    tell_own(machine.home, store, "S1")
    warning = "warning: edits of this session are not committed: app.py (see: git diff)"
    assert said(capsys) == [warning]
    journal.committed(str(machine.project), ["app.py"])
    assert machine.notes() == []


def test_who_turned_the_commits_off_is_not_told(machine: Machine) -> None:
    journal = Journal(str(journal_path(machine.home, "S1")), Turns())
    edit(journal, Coder(machine.project, auto_commits=False), "app.py")
    assert machine.notes() == []
    assert (machine.project / "app.py").read_text() == "after"


def test_a_note_that_cannot_be_kept_costs_no_edit(machine: Machine, tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "no folder" / "S1.edits"), Turns())
    edit(journal, Coder(machine.project), "app.py")
    assert (machine.project / "app.py").read_text() == "after"
