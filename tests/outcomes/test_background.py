"""The background run: it finds what is due, and nothing of it outlives the session."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lodestar.store.processes import runs, stat_field
from lodestar.supervisor.outcomes import Outcomes
from tests.fakes.shim_client import wait_for
from tests.outcomes.place import Place

NEW = "one\nred = 1\ngreen = 2\nblue = 3\nthree\n"
SLOW_GIT = "#!/bin/sh\necho $$ > {pid}.new && mv {pid}.new {pid}\nexec sleep 600\n"


class SlowGit:
    """A git that never comes to an end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self._pid = folder / "git.pid"
        self.folder.mkdir()
        (self.folder / "git").write_text(SLOW_GIT.format(pid=self._pid))
        (self.folder / "git").chmod(0o755)

    def pid(self) -> int:
        """The pid of the one that runs, once there is one."""
        wait_for(self._pid.exists, 60)
        return int(self._pid.read_text())

    def kill(self) -> None:
        if self._pid.exists() and runs(self.pid()):
            os.kill(self.pid(), signal.SIGKILL)


@pytest.fixture
def slow_git(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowGit]:
    """From here on git is slow; the repository has an answer to look at."""
    place.answer({"app.py": NEW})
    git = SlowGit(tmp_path)
    monkeypatch.setenv("PATH", f"{git.folder}:{os.environ['PATH']}")
    yield git
    git.kill()


def begin(place: Place) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-m", "lodestar.outcomes"]
    command += ["--home", str(place.home.root), "--project", str(place.root)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def test_two_runs_at_once_count_everything_once(place: Place) -> None:
    commits = [place.answer({f"{n}.py": NEW}, day=n / 10) for n in range(3)]
    both = [begin(place), begin(place)]
    assert [process.wait(60) for process in both] == [0, 0]
    for process in both:
        process.communicate()
    assert [place.kept(commit)[30] for commit in commits] == [(5, 5)] * 3
    assert len(place.signals("survival")) == 9


def test_a_run_whose_session_was_killed_ends_with_its_git(place: Place, slow_git: SlowGit) -> None:
    process = begin(place)
    git = slow_git.pid()
    assert process.stdin
    process.stdin.close()
    assert process.wait(60) == -signal.SIGKILL
    wait_for(lambda: not runs(git), 60)


def test_the_end_of_the_session_is_the_end_of_the_run_and_its_git(
    place: Place, slow_git: SlowGit
) -> None:
    with Outcomes(place.home, place.root, after_s=0):
        git = slow_git.pid()
        wait_for(lambda: os.sched_getscheduler(git) == os.SCHED_IDLE, 60)
        assert os.getpriority(os.PRIO_PROCESS, git) == 19
    wait_for(lambda: not runs(git), 60)
    assert not place.signals("survival")


def test_a_run_that_does_not_listen_is_ended_all_the_same(place: Place, slow_git: SlowGit) -> None:
    with Outcomes(place.home, place.root, after_s=0):
        git = slow_git.pid()
        run = int(stat_field(git, 1))
        os.kill(run, signal.SIGSTOP)
    wait_for(lambda: not runs(git) and not runs(run), 60)


def test_a_session_that_is_over_at_once_starts_nothing(place: Place) -> None:
    with Outcomes(place.home, place.root, after_s=600):
        pass
    assert not (place.home.root / "logs" / "outcomes.log").exists()


def test_without_a_repository_nothing_is_started(place: Place, tmp_path: Path) -> None:
    with Outcomes(place.home, tmp_path, after_s=0) as outcomes:
        outcomes._timer.join(60)
    assert not (place.home.root / "logs" / "outcomes.log").exists()
