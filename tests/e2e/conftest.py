"""A person's machine: a home, a project under git, and `lodestar` on it."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.shim_client import free_model, wait_for
from tests.fakes.upstream import Upstream

SOURCE = 'def hello():\n    print("hello")\n\n\nhello()\n'
RENAMED = 'def greet():\n    print("hello")\n\n\ngreet()\n'
ANSWER = f"Certainly so.\n\nhello.py\n```\n{RENAMED}```\n"
"""Its first word is on the screen while the rest is held back."""
LODESTAR = Path(sys.executable).with_name("lodestar")


class Machine:
    """Runs Lodestar in a project of its own, and looks at what it left."""

    def __init__(self, root: Path, lodestar_home: Path) -> None:
        self.home = lodestar_home
        self.project = root / "project"
        self.project.mkdir(parents=True)
        (self.project / "hello.py").write_text(SOURCE)
        self.environ: dict[str, str] = {
            **{k: v for k, v in os.environ.items() if k not in ("CI", "LODESTAR_NO_INPUT")},
            "TERM": "xterm-256color",
        }
        for command in (
            ["init", "-q", "-b", "main"],
            ["config", "user.email", "dev@example.org"],
            ["config", "user.name", "Dev"],
            ["add", "-A"],
            ["commit", "-qm", "start"],
        ):
            self.git(*command)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.project,
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def config(self, text: str) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "config.yaml").write_text(text, "utf-8")

    def run(
        self,
        *arguments: str,
        before: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        timeout: float = 180,
    ) -> subprocess.CompletedProcess[str]:
        """Run `lodestar` to its end, without a terminal."""
        return subprocess.run(
            [*before, str(LODESTAR), *arguments],
            cwd=self.project,
            env={**self.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def text(self, name: str = "hello.py") -> str:
        return (self.project / name).read_text()

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        connection = sqlite3.connect(f"file:{self.home / 'usage.db'}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        with contextlib.closing(connection):
            return [dict(row) for row in connection.execute(sql, parameters)]

    def processes(self, word: str = "") -> list[int]:
        """The pids of this machine's processes: those that carry its home."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                known = command + _environment(folder)
                if int(folder.name) != os.getpid() and str(self.home).encode() in known:
                    found += [int(folder.name)] if word.encode() in command else []
        return found

    def shim(self, other_than: int | None = None) -> int:
        """The pid of the shim, waited for."""

        def look() -> int | None:
            found = [pid for pid in self.processes("lodestar_shim") if pid != other_than]
            return found[0] if found else None

        return int(wait_for(look, 30))

    def kill_shim(self) -> None:
        """Kill the shim and wait for the next one."""
        before = self.shim()
        os.kill(before, signal.SIGKILL)
        self.shim(other_than=before)

    def aider(self) -> int:
        """The pid of Aider."""
        return int(wait_for(lambda: self.processes("lodestar_aider"))[0])

    def session(self) -> dict[str, Any]:
        """How the last session ended."""
        return self.rows(
            "SELECT end_reason, exit_code, ended_ms IS NOT NULL AS ended FROM sessions"
            " ORDER BY id DESC LIMIT 1"
        )[0]

    def statuses(self) -> list[tuple[str, str]]:
        """Kind and status of each exchange, in order."""
        rows = self.rows("SELECT kind, status FROM exchanges ORDER BY id")
        return [(row["kind"], row["status"]) for row in rows]

    def wait_gone(self, word: str = "", timeout: float = 20) -> None:
        """Wait until no process of the kind is left."""
        wait_for(lambda: not self.processes(word), timeout)


class FakedMachine(Machine):
    """A machine whose model is a fake server, where the model is not the point.

    It renames the function, whatever it is asked.
    """

    def __init__(self, root: Path, lodestar_home: Path, upstream: Upstream) -> None:
        super().__init__(root, lodestar_home)
        self.upstream = upstream
        self.config("main: fake\nweak: fake\n" + free_model(upstream.url))


@contextlib.contextmanager
def _cleared(found: Any) -> Iterator[Any]:
    """What still runs on a machine at the end is stopped by pid."""
    try:
        yield found
    finally:
        for pid in found.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _environment(folder: Path) -> bytes:
    """A process's environment; empty where it may not be read."""
    try:
        return (folder / "environ").read_bytes()
    except PermissionError:
        return b""


@pytest.fixture
def machine(tmp_path: Path, isolated_home: Path) -> Iterator[Machine]:
    """A machine of its own."""
    with _cleared(Machine(tmp_path, isolated_home)) as found:
        yield found


@pytest.fixture
def faked(tmp_path: Path, isolated_home: Path) -> Iterator[FakedMachine]:
    """A machine of its own with a fake model."""
    with (
        Upstream(text=ANSWER) as upstream,
        _cleared(FakedMachine(tmp_path, isolated_home, upstream)) as found,
    ):
        yield found
