"""Going through the commits of a repository and keeping what became of them."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lodestar.clock import now_ms
from lodestar.outcomes.git import Git, GitError, TimeUpError
from lodestar.outcomes.history import History, Made
from lodestar.outcomes.known import Known, known_commits
from lodestar.outcomes.look import Found, look
from lodestar.paths import Home
from lodestar.store.feedback import drop_outcome, put_outcome
from lodestar.store.store import Store

log = logging.getLogger("lodestar.outcomes")


@dataclass(frozen=True)
class Pace:
    """How long it may take: all of it, and one question to git. `idle`: all else goes first."""

    seconds: float
    command_s: float
    idle: bool = False


@dataclass
class Report:
    """What was done for one project, in numbers of commits; `why` is what was in the way.

    `unknown` are those of which its repository cannot tell, `left` those for which there was
    no time.
    """

    root: str
    looked: int = 0
    measured: int = 0
    reverted: int = 0
    unknown: int = 0
    left: int = 0
    why: str = ""


def refresh(store: Store, home: Home, roots: Sequence[Path], pace: Pace) -> list[Report]:
    """Look at the commits of these projects that are not settled; one report for each."""
    until, now = time.monotonic() + pace.seconds, now_ms()
    commits = [known for known in known_commits(store) if not known.settled(now)]
    # A repository that was moved is found where Lodestar works now.
    homeless = {known.root for known in commits if not (known.root / ".git").exists()}
    reports = []
    for root in roots:
        own = [known for known in commits if known.root == root]
        guests = [known for known in commits if known.root in homeless and known.root != root]
        git = Git(root, until, pace.command_s, pace.idle)
        with _alone(home, root) as free:
            busy = Report(str(root), left=len(own), why="another session is looking")
            reports.append(_Round(store, git, own, guests).go() if free else busy)
    return reports


class _Round:
    """One project's turn."""

    def __init__(
        self, store: Store, git: Git, own: Sequence[Known], guests: Sequence[Known]
    ) -> None:
        self._store = store
        self._git = git
        self._own = own
        self._guests = guests
        self._report = Report(str(git.root))

    def go(self) -> Report:
        report = self._report
        if not (self._own or self._guests):
            return report
        report.left = len(self._own)
        try:
            self._all()
        except TimeUpError:
            report.why = "there was no time for more"
        except GitError as problem:
            log.debug("%s", problem)
            report.unknown, report.left = report.left, 0
            report.why = "no git repository is there"
        return report

    def _all(self) -> None:
        # Asked first: a folder without a repository has nothing to tell of its guests, too.
        self._git.run("rev-parse", "--git-dir")
        wanted = [*self._own, *self._guests]
        there = self._git.commits([known.commit for known in wanted])
        commits = [known for known in wanted if known.commit in there]
        self._report.unknown = len([k for k in self._own if k.commit not in there])
        self._report.left = len(commits)
        made = {known.commit: self._made(known) for known in commits}
        since = min((m.committed_s for m in made.values() if m), default=0)
        history = History(self._git, (known.commit for known in wanted), since)
        for known in _rotated(commits):
            self._one(history, known, made[known.commit])
            self._report.left -= 1

    def _made(self, known: Known) -> Made | None:
        try:
            return Made.read(self._git, known.commit)
        except (GitError, ValueError):
            return None

    def _one(self, history: History, known: Known, made: Made | None) -> None:
        report = self._report
        try:
            if made is None:
                raise GitError("it is no commit as git writes them")
            found = look(self._git, history, made, known, now_ms() / 1000)
        except GitError as problem:
            log.debug("%s: %s", known.commit, problem)
            report.unknown += 1
            return
        report.looked += 1
        report.measured += bool(found.survival)
        report.reverted += found.reverted is not None
        _keep(self._store, known, found)


def _keep(store: Store, known: Known, found: Found) -> None:
    for days, data in found.survival.items():
        put_outcome(store, known.signal, f"survival-{days}", "survival", data)
    if found.reverted and found.reverted != known.reverted:
        put_outcome(store, known.signal, "reverted", "reverted", found.reverted)
    elif known.reverted and not found.reverted:
        drop_outcome(store, known.signal, "reverted")


def _rotated(commits: Sequence[Known]) -> list[Known]:
    """Another one begins each minute: where the time is short, none is left out for ever."""
    start = now_ms() // 60_000 % max(1, len(commits))
    return [*commits[start:], *commits[:start]]


@contextmanager
def _alone(home: Home, root: Path) -> Iterator[bool]:
    """Whether nobody else looks at this project; others stay away meanwhile."""
    digest = hashlib.sha256(os.fsencode(str(root))).hexdigest()[:16]
    path = home.folder("run") / f"outcomes-{digest}.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(lock)
