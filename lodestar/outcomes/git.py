"""Asking git about a repository that may be anybody's: nothing of it is run, changed or fetched."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer

from lodestar.commits import harmless_environment, harmless_git

OUTPUT_LIMIT = 64 << 20
BATCH = 1000
"""So many hashes fit into a pipe at once: git answers while it still reads."""
IDLE_NICENESS = 19


class GitError(Exception):
    """Git cannot say: no repository, an object that is missing, or too much of it."""


class TimeUpError(Exception):
    """There is no time left for this run."""


class Git:
    """One repository. `until` is the moment, of time.monotonic, at which all of it ends."""

    def __init__(self, root: Path, until: float, command_s: float, idle: bool = False) -> None:
        """`command_s` is the most that one call may take, `idle` lets all other work go first."""
        self.root = root
        self._until = until
        self._command_s = command_s
        self._idle = idle
        # A folder above that is a repository is another one.
        ceiling = {"GIT_CEILING_DIRECTORIES": str(root.parent)}
        self._environment = {**harmless_environment(), **ceiling}

    def run(self, *arguments: str | bytes, stdin: bytes = b"") -> bytes:
        """What git prints. Raises GitError, and TimeUpError where the whole run is over."""
        code, output = self._done(arguments, stdin)
        if code:
            raise self._problem(arguments, code)
        return output

    def asks(self, *arguments: str | bytes) -> bool:
        """Whether git says yes to a question that it answers with its exit code."""
        code, _ = self._done(arguments, b"")
        if code not in (0, 1):
            raise self._problem(arguments, code)
        return code == 0

    def words(self, *arguments: str | bytes) -> list[str]:
        """The words that git prints, where all of them are hashes or numbers."""
        return self.run(*arguments).decode("ascii", "replace").split()

    def commits(self, hashes: Sequence[str]) -> set[str]:
        """Those of the hashes that are commits in this repository."""
        found = set()
        for start in range(0, len(hashes), BATCH):
            asked = "".join(f"{name}\n" for name in hashes[start : start + BATCH])
            lines = self.run("cat-file", "--batch-check", stdin=asked.encode()).splitlines()
            found |= {line[: -len(" commit")] for line in _with_type(lines)}
        return {name.decode() for name in found}

    def _problem(self, arguments: Sequence[str | bytes], code: int) -> GitError:
        return GitError(f"git {arguments[0]!r} in {self.root}: exit code {code}")

    def _done(self, arguments: Sequence[str | bytes], stdin: bytes) -> tuple[int, bytes]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeUpError
        done = self._call(arguments, stdin, min(left, self._command_s))
        if time.monotonic() >= self._until:
            raise TimeUpError
        return done

    def _call(
        self, arguments: Sequence[str | bytes], stdin: bytes, seconds: float
    ) -> tuple[int, bytes]:
        command = [*harmless_git(), *arguments]
        try:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, ValueError) as error:
            raise GitError(str(error)) from error
        with process, _ended_after(process, seconds):
            if self._idle:
                _let_others_go_first(process.pid)
            return _talk(process, stdin)


def _talk(process: subprocess.Popen[bytes], stdin: bytes) -> tuple[int, bytes]:
    if process.stdin is None or process.stdout is None:
        raise GitError("git has no pipes")
    # One that has ended already says why with its exit code.
    with suppress(BrokenPipeError):
        process.stdin.write(stdin)
    with suppress(BrokenPipeError):
        process.stdin.close()
    output = process.stdout.read(OUTPUT_LIMIT + 1)
    if len(output) > OUTPUT_LIMIT:
        process.kill()
        raise GitError("git says too much")
    return process.wait(), output


@contextmanager
def _ended_after(process: subprocess.Popen[bytes], seconds: float) -> Iterator[None]:
    timer = Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()


def _let_others_go_first(pid: int) -> None:
    # Only git: who writes the database must not be kept waiting while he holds its lock.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, IDLE_NICENESS)
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def _with_type(lines: Sequence[bytes]) -> Iterator[bytes]:
    """`HASH commit SIZE` without its size."""
    for line in lines:
        head, _, _ = line.rpartition(b" ")
        if head.endswith(b" commit"):
            yield head
