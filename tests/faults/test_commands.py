"""A command whose file call fails says so, leaves old or new behind, and works when run again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cli.gguf_file import write_gguf
from tests.faults.process import command, environment
from tests.faults.seams import FilePlan, rounds

BEFORE = "# mine\nmain: demo\n"
ADD = ("models", "add", "fast", "--model", "m", "--api-base", "http://127.0.0.1:9/v1", "--free")


class Place:
    """A home in which one command after the other runs, with files that fail."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.plan = FilePlan(root / "plan")
        self.plan.folder.mkdir()
        self.home.mkdir(mode=0o700)
        self.config = self.home / "config.yaml"
        self.config.write_text(BEFORE)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`lodestar` with these words."""
        program = command("files", self.plan, self.home, "lodestar")
        environ = {**os.environ, "LODESTAR_HOME": str(self.home), "NO_COLOR": "1"}
        return subprocess.run(
            [*program, *words],
            cwd=self.plan.folder,
            env=environment(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def leftovers(self) -> list[str]:
        """Files that only a broken-off write leaves."""
        return [path.name for path in self.home.rglob(".*") if path.is_file()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def _check_failure(done: subprocess.CompletedProcess[str], number: int) -> None:
    for word in ("Traceback", "internal error"):
        assert word not in done.stderr, f"{number}: {done.stderr}"
    if done.returncode:
        said = [line.split(":")[0] for line in done.stderr.strip().splitlines()[-3:]]
        assert said == ["error", "why", "do"], f"{number}: {done.stderr}"
        assert "Input/output error" in done.stderr, f"{number}: {done.stderr}"


def test_an_alias_is_added_or_the_configuration_is_as_it_was(place: Place) -> None:
    for number in rounds(place.plan):
        place.config.write_text(BEFORE)
        done = place.run(*ADD)
        place.plan.disarm()
        _check_failure(done, number)
        text = place.config.read_text()
        assert text.startswith(BEFORE), number
        assert ("fast" in (yaml.safe_load(text).get("models") or {})) is (done.returncode == 0)
        assert not place.leftovers(), number


def test_a_model_is_imported_whole_or_not_at_all(place: Place, tmp_path: Path) -> None:
    """Under one name all along: what a failed import left must not be in the next one's way."""
    source = write_gguf(tmp_path / "small.gguf")
    imported = place.home / "models" / "mine.gguf"
    for number in rounds(place.plan):
        done = place.run("models", "import", str(source), "--name", "mine", "--yes")
        _check_failure(done, number)
        assert imported.exists() or done.returncode, f"{number}: {done.stderr}"
        if imported.exists():
            assert imported.read_bytes() == source.read_bytes()
    assert (done.returncode, place.leftovers()) == (0, [])
