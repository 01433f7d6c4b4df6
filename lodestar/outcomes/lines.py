"""The lines that a commit brought, and those of them that are still there later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lodestar.commits import NO_PROGRAMS
from lodestar.outcomes.git import Git

FILE_LIMIT = 1 << 20
FILES_LIMIT = 50
RENAMES_LIMIT = 1000
_BLAME = ("blame", "--porcelain", "-w", "-M", *NO_PROGRAMS)
_TREE = ("diff-tree", "-r", "--root", "--no-commit-id", "-z", *NO_PROGRAMS)


@dataclass(frozen=True)
class Brought:
    """A commit's own lines by path, without their blanks.

    What it only moved or indented is not its own. `skipped` are files that are too large, or too
    many, to be looked at; binary files have no lines.
    """

    commit: str
    lines: Mapping[bytes, Counter[bytes]] = field(default_factory=dict)
    skipped: int = 0

    @property
    def count(self) -> int:
        """How many they are."""
        return sum(lines.total() for lines in self.lines.values())


def brought_by(git: Git, commit: str) -> Brought:
    """Raises GitError where this repository cannot tell."""
    paths = _paths_with_new_lines(git, commit)
    readable = _readable(git, commit, paths[:FILES_LIMIT])
    span = _span(git, commit, commit)
    lines = {path: _lines_of(git, commit, span, path) for path in sorted(readable)}
    return Brought(commit, lines, len(paths) - len(lines))


def survivors(git: Git, brought: Brought, by: str, at: str) -> int:
    """How many of the lines, which came to this branch by the commit `by`, are there in `at`.

    `by` is the commit itself, or what it became.
    """
    now = _names_now(git, by, at, list(brought.lines))
    readable = _readable(git, at, list(now.values()))
    span = _span(git, by, at)
    kept = (
        lines & _lines_of(git, by, span, now[path])
        for path, lines in brought.lines.items()
        if now.get(path) in readable
    )
    return sum(lines.total() for lines in kept)


def changes(git: Git, commit: str, paths: Sequence[bytes]) -> Counter[bytes]:
    """The lines that a commit adds and takes away in these files, each with its sign.

    What says nothing, such as a bracket, is left out where there is more; where there are no
    lines at all, it is what the files hold.
    """
    within: list[str | bytes] = ["--", *paths[:FILES_LIMIT]]
    patch = git.run(*_TREE, "-p", "-U0", "--no-renames", commit, *within)
    found = Counter(_changed_lines(patch))
    telling = Counter({line: n for line, n in found.items() if any(map(_is_word, line))})
    if telling or found:
        return telling or found
    raw = git.run(*_TREE, "--raw", "--no-abbrev", "--no-renames", commit, *within)
    return Counter(raw.split(b"\0")[:-1])


def _is_word(mark: int) -> bool:
    return mark >= 128 or chr(mark).isalnum()


def changed_paths(git: Git, commit: str) -> list[bytes]:
    """The files that a commit changes."""
    names = git.run(*_TREE, "--name-only", "--no-renames", commit).split(b"\0")
    return [name for name in names if name]


def _changed_lines(patch: bytes) -> Iterator[bytes]:
    inside = False
    for line in patch.split(b"\n"):
        if line.startswith(b"diff --git "):
            inside = False
        elif line.startswith(b"@@ "):
            inside = True
        elif inside and line[:1] in (b"+", b"-"):
            yield line[:1] + bare(line[1:])


def bare(line: bytes) -> bytes:
    """A line without its blanks: one that is indented anew is the same."""
    return b"".join(line.split())


def _paths_with_new_lines(git: Git, commit: str) -> list[bytes]:
    entries = git.run(*_TREE, "--numstat", "--no-renames", commit).split(b"\0")
    rows = [entry.split(b"\t", 2) for entry in entries if entry.count(b"\t") >= 2]
    # Binary files have "-" instead of a number.
    return [path for added, _, path in rows if added.isdigit() and int(added)]


def _readable(git: Git, commit: str, paths: Sequence[bytes]) -> set[bytes]:
    """Those of the paths that are files of a size that can be read."""
    if not paths:
        return set()
    found = set()
    for entry in git.run("ls-tree", "-z", "-l", "--full-tree", commit, "--", *paths).split(b"\0"):
        facts, _, path = entry.partition(b"\t")
        words = facts.split()
        if len(words) == 4 and words[0].startswith(b"100") and int(words[3]) <= FILE_LIMIT:
            found.add(path)
    return found


def _names_now(git: Git, by: str, at: str, paths: Sequence[bytes]) -> dict[bytes, bytes]:
    """What the files of commit `by` are called in `at`; those that are gone are left out."""
    there = _present(git, at, paths)
    missing = [path for path in paths if path not in there]
    found = {path: path for path in there}
    if missing and by != at:
        found |= _followed(missing, _renames(git, by, at))
    return found


def _present(git: Git, commit: str, paths: Sequence[bytes]) -> set[bytes]:
    if not paths:
        return set()
    listed = git.run("ls-tree", "-z", "--name-only", "--full-tree", commit, "--", *paths)
    return {path for path in listed.split(b"\0") if path}


def _renames(git: Git, old: str, new: str) -> list[tuple[bytes, bytes]]:
    """Old and new names, commit by commit: between the ends a file may have become another."""
    wanted = ("-M", f"-l{RENAMES_LIMIT}", "--name-status", "--diff-filter=R", "--format=")
    command = ("log", "-z", "--reverse", "--topo-order", "--no-show-signature", *wanted)
    listed = git.run(*command, *NO_PROGRAMS, f"{old}..{new}", "--").split(b"\0")
    words = [word for word in listed if word]
    return [(words[n + 1], words[n + 2]) for n in range(0, len(words) - 2, 3)]


def _followed(paths: Sequence[bytes], renames: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    now = {path: path for path in paths}
    for old, new in renames:
        now |= {path: new for path, name in now.items() if name == old}
    return now


def _span(git: Git, by: str, at: str) -> str:
    """The history from before the commit `by` to `at`; the first one has nothing before it."""
    first = not git.asks("rev-parse", "--quiet", "--verify", f"{by}^")
    return at if first else f"{by}^..{at}"


def _lines_of(git: Git, by: str, span: str, path: bytes) -> Counter[bytes]:
    """The lines in a file at the end of a span that the commit `by` brought."""
    return Counter(_blamed(git.run(*_BLAME, span, "--", path), by.encode()))


def _blamed(porcelain: bytes, by: bytes) -> Iterator[bytes]:
    whose = b""
    # Only these bytes end a line of git's; others may stand in the file.
    for line in porcelain.split(b"\n"):
        if line.startswith(b"\t"):
            if whose == by:
                yield bare(line[1:])
            whose = b""
        elif not whose:
            whose = line.partition(b" ")[0]
