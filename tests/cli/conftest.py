"""Running the command line: in this process, or as a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lodestar.cli.main import run
from lodestar.paths import Home
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.cli.pulled import CHUNK, CONTENT, LISTED_FILE, LISTED_REPO
from tests.fakes.hub import Hub


@dataclass(frozen=True)
class Result:
    """What a command returned and printed."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> list[str]:
        """The three lines, without the warnings before them."""
        lines = self.err.splitlines()
        starts = [n for n, line in enumerate(lines) if line.startswith("error: ")]
        return lines[starts[0] :] if starts else []

    @property
    def rows(self) -> list[list[str]]:
        """The cells of a piped table, without its heading."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]


Cli = Callable[..., Result]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run a command in an empty folder of this process."""
    folder = tmp_path / "somewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def call(*arguments: str) -> Result:
        capfd.readouterr()
        code = run(arguments)
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def program(tmp_path: Path) -> Cli:
    """Run the command line as a program; `script` runs Python code instead."""

    def call(*arguments: str, script: str | None = None) -> Result:
        what = ["-c", script] if script else ["-m", "lodestar", *arguments]
        done = subprocess.run(
            [sys.executable, *what],
            cwd=tmp_path,
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def home(isolated_home: Path) -> Home:
    """Lodestar's home, made."""
    isolated_home.mkdir(mode=0o700, exist_ok=True)
    return Home(isolated_home)


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """The database of that home."""
    with Store.open(home.database, [CORE]) as opened:
        yield opened


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A model hub with the demo model in a repository that nobody has heard of."""
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", CHUNK)
    with Hub(CONTENT) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def listed(hub: Hub) -> Hub:
    """The same hub, with the demo model in a repository that is on the list."""
    hub.repo, hub.file = LISTED_REPO, LISTED_FILE
    return hub
