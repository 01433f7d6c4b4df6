"""Once set up, `scripts/lodestar` is the program and almost nothing else."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.setup.conftest import Clone


@pytest.fixture
def ready(clone: Clone) -> Clone:
    """A clone that is set up, with no calls on record."""
    result = clone.run("setup", LODESTAR_LLAMA_WHEEL=clone.wheel())
    assert result.returncode == 0, result.stderr
    clone.calls.unlink()
    return clone


def test_arguments_and_exit_code_pass_unchanged(ready: Clone) -> None:
    args = ["code", "two words", 'a "quote"', "it's", "", "--", "$HOME", "*"]
    result = ready.run("lodestar", *args)
    assert result.stdout.strip() == str(args)
    assert result.returncode == 7
    assert result.stderr == ""


def test_a_ready_environment_starts_python_once_and_no_pip(ready: Clone) -> None:
    ready.run("lodestar", "usage")
    assert len(ready.calls.read_text().splitlines()) == 1
    assert ready.called("-m pip") == 0


def test_the_program_replaces_the_script(ready: Clone) -> None:
    (ready.path / ".venv/bin/lodestar").write_text("import os; print(os.getpid())")
    process = ready.start("lodestar")
    out, _ = process.communicate(timeout=20)
    assert int(out) == process.pid


def test_a_pythonpath_does_not_reach_the_program(ready: Clone, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    (ready.path / ".venv/bin/lodestar").write_text("import json; print('fine')")
    assert ready.run("lodestar", PYTHONPATH=str(tmp_path)).stdout == "fine\n"


def test_checking_that_all_is_ready_costs_less_than_30_ms_of_cpu(ready: Clone) -> None:
    """CPU time, because the wall clock of a busy machine says little."""
    rounds = 10
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(rounds):
        assert ready.run("setup").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent / rounds < 0.03


def test_it_can_be_started_through_a_link(ready: Clone, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "scripts").mkdir(parents=True)
    (elsewhere / "scripts/lodestar").symlink_to(ready.path / "scripts/lodestar")
    ready.path = elsewhere
    assert ready.run("lodestar", "usage").stdout.strip() == "['usage']"


@pytest.mark.parametrize("file", ["requirements/lock.txt", "pyproject.toml"])
def test_a_changed_file_brings_the_environment_up_to_date(ready: Clone, file: str) -> None:
    with (ready.path / file).open("a") as text:
        text.write("# changed\n")
    result = ready.run("setup")
    assert "[4/4] lodestar: done" in result.stderr
    assert ready.called("-m venv") == 0
    assert (ready.called("packages.txt") == 1) == (file == "requirements/lock.txt")
    assert ready.run("setup").stderr == ""


def test_a_moved_clone_is_set_up_anew(ready: Clone) -> None:
    """Its scripts name the old place."""
    moved = ready.path.with_name("moved")
    ready.path.rename(moved)
    ready.path = moved
    assert ready.run("setup", LODESTAR_LLAMA_WHEEL=ready.wheel()).returncode == 0
    assert ready.called("-m venv") == 1
