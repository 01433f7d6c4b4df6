"""What the machine lacks is said in three lines, before anything is downloaded."""

from __future__ import annotations

import subprocess

import pytest

from tests.setup.conftest import Clone, executable


def three_lines(result: subprocess.CompletedProcess[str]) -> list[str]:
    lines = result.stderr.splitlines()
    assert result.returncode == 1
    assert [line.split(":")[0] for line in lines] == ["error", "why", "do"], result.stderr
    return lines


def test_without_a_python_it_names_the_packages_to_install(clone: Clone) -> None:
    (clone.tools / "python3.11").unlink()
    error, _, remedy = three_lines(clone.run("lodestar", "code"))
    assert "no Python 3.10, 3.11 or 3.12" in error
    assert "apt install python3 python3-venv" in remedy
    assert "dnf" in remedy
    assert "brew" in remedy


def test_a_python_that_is_too_new_is_named(clone: Clone) -> None:
    (clone.tools / "python3.11").rename(clone.tools / "python3")
    _, why, _ = three_lines(clone.run("setup", FAKE_ANSWER="3.13 other"))
    assert "python3 is 3.13" in why


def test_an_older_python_beside_a_too_new_one_is_found(clone: Clone) -> None:
    executable(clone.tools / "python3", "#!/bin/bash\necho '3.13 other'\n")
    result = clone.run("setup", LODESTAR_LLAMA_WHEEL=clone.wheel())
    assert result.returncode == 0, result.stderr


def test_a_shim_that_does_not_run_is_passed_over(clone: Clone) -> None:
    executable(clone.tools / "python3.12", "#!/bin/bash\necho 'not installed' >&2\nexit 127\n")
    result = clone.run("setup", LODESTAR_LLAMA_WHEEL=clone.wheel())
    assert "Python 3.11" in result.stderr


def test_a_python_without_venv_names_debians_package(clone: Clone) -> None:
    error, _, remedy = three_lines(clone.run("setup", FAKE_ANSWER="3.11 bare"))
    assert "no venv" in error
    assert "python3-venv" in remedy


def test_the_python_asked_for_is_the_only_one_tried(clone: Clone) -> None:
    _, why, _ = three_lines(clone.run("setup", LODESTAR_PYTHON="/nowhere/python3.11"))
    assert "LODESTAR_PYTHON=/nowhere/python3.11" in why


@pytest.mark.parametrize("missing", ["cc", "c++"])
def test_without_a_compiler_it_names_gxx(clone: Clone, missing: str) -> None:
    (clone.tools / missing).unlink()
    error, _, remedy = three_lines(clone.run("lodestar", "code"))
    assert f"({missing})" in error
    assert "apt install g++" in remedy
    assert clone.called("-m pip") == 0


def test_a_compiler_that_does_not_compile_is_missing_too(clone: Clone) -> None:
    executable(clone.tools / "c++", "#!/bin/bash\nexit 1\n")
    assert "C++17" in three_lines(clone.run("setup"))[0]


def test_the_compiler_in_cxx_is_the_one_that_is_tried(clone: Clone) -> None:
    assert "(clang++-99)" in three_lines(clone.run("setup", CXX="clang++-99"))[0]


def test_a_ready_made_wheel_needs_no_compiler(clone: Clone) -> None:
    (clone.tools / "c++").unlink()
    assert clone.run("setup", LODESTAR_LLAMA_WHEEL=clone.wheel()).returncode == 0


def test_too_little_space_says_how_much_is_needed(clone: Clone) -> None:
    error, why, _ = three_lines(clone.run("test", LODESTAR_SETUP_MIN_MB="60000"))
    assert "disk space" in error
    assert "50000 MB are free, the set-up needs 60000 MB" in why


def test_a_wheel_of_another_version_is_refused(clone: Clone) -> None:
    other = clone.path / "llama_cpp_python-0.0.1-py3-none-any.whl"
    other.touch()
    _, why, _ = three_lines(clone.run("setup", LODESTAR_LLAMA_WHEEL=str(other)))
    assert clone.version in why


def test_without_git_it_says_so(clone: Clone) -> None:
    (clone.tools / "git").unlink()
    assert "apt install git" in three_lines(clone.run("setup"))[2]
