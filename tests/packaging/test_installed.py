"""The installed wheel works in an empty folder, with nothing that only development needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.conftest import SITE, Bare

HELLO = 'def hello():\n    print("hello")\n\n\nhello()\n'


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty folder made a git repository with one file."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "hello.py").write_text(HELLO)
    for command in (
        ["init", "-q"],
        ["config", "user.name", "A"],
        ["config", "user.email", "a@example.org"],
        ["add", "-A"],
        ["commit", "-qm", "start"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("name", ["pytest", "ruff", "mypy", "hatchling"])
def test_the_environment_has_nothing_of_the_groups(bare: Bare, name: str, tmp_path: Path) -> None:
    """Otherwise the tests below would not notice an import that only development can do."""
    assert bare.run(bare.python, "-c", f"import {name}", cwd=tmp_path).returncode == 1


@pytest.mark.parametrize("words", ["--help", "models list", "profile list", "config show"])
def test_a_command_works_in_an_empty_folder(bare: Bare, words: str, tmp_path: Path) -> None:
    done = bare.run(bare.program, *words.split(), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_it_does_not_come_from_the_clone(bare: Bare, tmp_path: Path) -> None:
    code = "import lodestar, lodestar_shim, lodestar_aider, lodestar_engine as e;" + (
        "print(lodestar.__file__, lodestar_shim.__file__, lodestar_aider.__file__, e.__file__)"
    )
    done = bare.run(bare.python, "-c", code, cwd=tmp_path)
    assert all(path.startswith(str(bare.site)) for path in done.stdout.split())


def test_it_does_the_main_job(bare: Bare, repository: Path) -> None:
    done = bare.run(
        bare.program,
        *("code", "--yes-always", "--message", "rename function hello to greet", "hello.py"),
        cwd=repository,
    )
    assert done.returncode == 0, done.stderr
    assert (repository / "hello.py").read_text() == HELLO.replace("hello()", "greet()")
    log = bare.run("git", "log", "--format=%s", cwd=repository).stdout
    assert log.splitlines() == ["refactor: rename hello to greet", "start"]


def test_the_tests_of_a_module_run_against_it(bare: Bare, unpacked: Path, tmp_path: Path) -> None:
    """pytest comes from the environment of development, all that is tested from the wheel."""
    tests = bare.site / "lodestar" / "modules" / "health_monitor" / "tests"
    options = ("-q", "-p", "no:cacheprovider", "--rootdir", tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", unpacked / "pyproject.toml", tests],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (bare.site, unpacked, SITE)))},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_doctor_finds_nothing_wrong_with_it(bare: Bare, tmp_path: Path) -> None:
    done = bare.run(bare.program, "doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert re.fullmatch(r"\d+ checks in [\d.]+ s\n", done.stderr), done.stderr
    assert "[problem]" not in done.stdout


@pytest.mark.parametrize("name", ["planted.pth", "sitecustomize.py"])
def test_the_doctor_names_a_file_that_was_planted_to_run_at_each_start(
    bare: Bare, name: str, tmp_path: Path
) -> None:
    planted, ran = bare.site / name, tmp_path / "ran"
    planted.write_text(f"import pathlib; pathlib.Path({str(ran)!r}).touch()\n")
    try:
        done = bare.run(bare.program, "doctor", cwd=tmp_path)
    finally:
        planted.unlink()
    assert done.returncode == 1
    assert f"{planted} runs at each start of Python" in done.stdout
    assert ran.exists(), "the file would not have run, so this is no test"


def test_the_doctor_names_a_file_that_was_changed(bare: Bare, tmp_path: Path) -> None:
    changed = bare.site / "lodestar" / "catalog.py"
    before = changed.read_text()
    try:
        changed.write_text(before + "\n")
        done = bare.run(bare.program, "doctor", cwd=tmp_path)
    finally:
        changed.write_text(before)
    assert done.returncode == 1
    assert f"{changed} of lodestar-code is not what was installed" in done.stdout
