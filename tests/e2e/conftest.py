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

from tests.fakes.shim_client import wait_for

SOURCE = 'def hello():\n    print("hello")\n\n\nhello()\n'
RENAMED = 'def greet():\n    print("hello")\n\n\ngreet()\n'
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
                known = command + (folder / "environ").read_bytes()
                if int(folder.name) != os.getpid() and str(self.home).encode() in known:
                    found += [int(folder.name)] if word.encode() in command else []
        return found

    def wait_gone(self, word: str = "", timeout: float = 20) -> None:
        """Wait until no process of the kind is left."""
        wait_for(lambda: not self.processes(word), timeout)


@pytest.fixture
def machine(tmp_path: Path, isolated_home: Path) -> Iterator[Machine]:
    """A machine of its own; what still runs on it at the end is stopped by pid."""
    found = Machine(tmp_path, isolated_home)
    yield found
    for pid in found.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
