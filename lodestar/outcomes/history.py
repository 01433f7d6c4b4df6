"""Where a commit is now: on a branch, there in another form, or gone."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from lodestar.outcomes.git import Git, GitError
from lodestar.outcomes.lines import FILES_LIMIT, changed_paths, changes

How = Literal["itself", "rewritten", "squashed"]
DAY_S = 86_400
REWRITTEN_LIMIT = 5000
SQUASHED_LIMIT = 100
HALF = 0.5
"""A squashed commit has at least so much of what the commit changed."""
SHORTEST = 7
"""So many digits name a commit at least."""
_REVERTS = re.compile(rb"This reverts commit ([0-9a-f]{7,64})\b")
_QUIET = ("--no-show-signature", "--encoding=UTF-8")


@dataclass(frozen=True)
class Made:
    """When a commit was made and by whom: the latter stays when it is written anew."""

    commit: str
    committed_s: int
    authored_s: int
    author: bytes

    @classmethod
    def read(cls, git: Git, commit: str) -> Made:
        """Raises GitError, and ValueError for what no git has written."""
        command = ("log", "-1", "-z", *_QUIET, "--format=%ct%n%at%n%ae")
        text = git.run(*command, commit, "--").removesuffix(b"\0")
        committed, authored, author = text.split(b"\n", 2)
        return cls(commit, int(committed), int(authored), author)


@dataclass(frozen=True)
class Place:
    """The commit that has the work now, and the tip of the branch that it is on."""

    commit: str
    tip: str
    how: How


class History:
    """The branches of one repository, remote ones included."""

    def __init__(self, git: Git, known: Iterable[str], since_s: int) -> None:
        """`known` are commits of Aider, `since_s` the time of the oldest that is asked about."""
        self._git = git
        self._known = frozenset(known)
        self._since = f"--max-age={since_s - DAY_S}"
        self.head = self._head()
        self._reverts: dict[str, Reverts] = {}

    def is_cut(self, commit: str) -> bool:
        """Whether what came before the commit is not in this clone."""
        return commit in self._cut

    @property
    def is_shallow(self) -> bool:
        """Whether this clone has a part of the history only."""
        return bool(self._cut)

    def find(self, made: Made, rewritten: bool = True) -> Place | None:
        """Where the work of a commit is; None where it is on no branch.

        `rewritten` also looks for what the commit became by rebase, amend, cherry-pick or squash.
        """
        if self.head and made.commit in self._on_head:
            return Place(made.commit, self.head, "itself")
        tip = self._tip_with(made.commit)
        if tip:
            return Place(made.commit, tip, "itself")
        return self._became(made) if rewritten else None

    def reverted_by(self, place: Place, commit: str) -> str | None:
        """The commit that takes the work back on its branch, where that itself still stands."""
        if place.tip not in self._reverts:
            self._reverts[place.tip] = self._read_reverts(place.tip)
        found = self._reverts[place.tip]
        by = found.of(place.commit.encode()) or found.of(commit.encode())
        return by.decode() if by else None

    def as_of(self, place: Place, moment_s: int) -> str:
        """The state of the branch at a time, not before the commit itself."""
        span, age = f"{place.commit}..{place.tip}", f"--min-age={moment_s}"
        main = self._git.words("rev-list", "-1", "--first-parent", age, span, "--")
        if main and self._git.asks("merge-base", "--is-ancestor", place.commit, main[0]):
            return main[0]
        # It came to the branch by a merge, later than that: where it was made, then.
        path = self._git.words("rev-list", "-1", "--ancestry-path", age, span, "--")
        return path[0] if path else place.commit

    def _head(self) -> str | None:
        try:
            return self._git.words("rev-parse", "--quiet", "--verify", "HEAD^{commit}")[0]
        except (GitError, IndexError):
            # Nothing is committed on this branch yet.
            return None

    @cached_property
    def _on_head(self) -> frozenset[str]:
        return frozenset(self._git.words("rev-list", self._since, str(self.head), "--"))

    @cached_property
    def _cut(self) -> frozenset[str]:
        path = self._git.run("rev-parse", "--git-path", "shallow").rstrip(b"\n").decode("utf-8")
        try:
            return frozenset((self._git.root / path).read_text("ascii").split())
        except (OSError, UnicodeDecodeError):
            return frozenset()

    @cached_property
    def _branches(self) -> tuple[str, ...]:
        return ("--branches", "--remotes", *([self.head] if self.head else []))

    def _tip_with(self, commit: str) -> str | None:
        if self.head and self._git.asks("merge-base", "--is-ancestor", commit, self.head):
            return self.head
        newest = ("--sort=-committerdate", "--count=1", "--format=%(objectname)")
        tips = self._git.words(
            "for-each-ref", f"--contains={commit}", *newest, "refs/heads", "refs/remotes"
        )
        return tips[0] if tips else None

    def _became(self, made: Made) -> Place | None:
        paths = changed_paths(self._git, made.commit)
        wanted = changes(self._git, made.commit, paths)
        rewritten = self._rewritten(made)
        how: How = "rewritten" if rewritten else "squashed"
        commit = self._nearest(rewritten or self._of_same_files(made, paths), wanted, paths, how)
        tip = self._tip_with(commit) if commit else None
        return Place(commit, tip, how) if commit and tip else None

    def _newer(self, made: Made, *options: str, paths: Sequence[bytes] = ()) -> list[bytes]:
        """A log of what is on any branch and did not lead to the commit; no known ones."""
        age = f"--max-age={made.committed_s - DAY_S}"
        command = ("log", "-z", "--no-merges", "--full-history", *_QUIET, age, *options)
        listed = self._git.run(*command, *self._branches, "--not", made.commit, "--", *paths)
        entries = [entry for entry in listed.split(b"\0") if entry]
        return [e for e in entries if e.partition(b"\n")[0].decode() not in self._known]

    def _rewritten(self, made: Made) -> list[str]:
        """Those of the same author and time: git keeps both when it writes a commit anew."""
        wanted = b"%d\n%s" % (made.authored_s, made.author)
        found = [
            entry.partition(b"\n")
            for entry in self._newer(made, f"-{REWRITTEN_LIMIT}", "--format=%H%n%at%n%ae")
        ]
        return [commit.decode() for commit, _, rest in found if rest == wanted]

    def _of_same_files(self, made: Made, paths: Sequence[bytes]) -> list[str]:
        found = self._newer(made, f"-{SQUASHED_LIMIT}", "--format=%H", paths=paths[:FILES_LIMIT])
        return [name for name in map(bytes.decode, found) if not self.is_cut(name)]

    def _nearest(
        self, commits: Sequence[str], wanted: Counter[bytes], paths: Sequence[bytes], how: How
    ) -> str | None:
        """The one that has most of the changes; a squashed one has at least half of them."""
        shares = {
            name: (wanted & changes(self._git, name, paths)).total() / max(1, wanted.total())
            for name in commits[:SQUASHED_LIMIT]
        }
        best = max(shares, key=lambda name: shares[name], default=None)
        return best if best and (how == "rewritten" or shares[best] >= HALF) else None

    def _read_reverts(self, tip: str) -> Reverts:
        """What commits on this branch say that they take back, and is not taken back itself."""
        wanted = ("--fixed-strings", "--grep=This reverts commit", "--format=%H%n%B")
        # Whoever takes a revert back comes after it, whatever the clocks said.
        how = ("-z", "--topo-order", *_QUIET, self._since)
        listed = self._git.run("log", *how, *wanted, tip, "--")
        found = Reverts()
        for entry in filter(None, listed.split(b"\0")):
            by, _, message = entry.partition(b"\n")
            found.add(by, [match[1] for match in _REVERTS.finditer(message)])
        return found


class Reverts:
    """The reverts of a branch that stand, by the beginnings of the names that they give.

    They are added from the newest on: what a newer one that stands takes back does not.
    """

    def __init__(self) -> None:
        self._by: dict[bytes, list[tuple[bytes, bytes]]] = defaultdict(list)

    def add(self, by: bytes, names: Iterable[bytes]) -> None:
        """A commit says that it takes these back."""
        if self.of(by) is None:
            for name in dict.fromkeys(names):
                self._by[name[:SHORTEST]].append((name, by))

    def of(self, commit: bytes) -> bytes | None:
        """The commit that takes this one back."""
        of_it = self._by.get(commit[:SHORTEST], ())
        return next((by for name, by in of_it if commit.startswith(name)), None)
