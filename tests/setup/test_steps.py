"""The steps themselves: progress, the engine's wheel, interruption, two at once, failure."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.setup.conftest import Clone, until

READY = "Ready after"


def test_each_step_is_announced_and_stdout_stays_empty(clone: Clone) -> None:
    result = clone.run("setup")
    assert result.stdout == ""
    assert result.stderr.startswith("First set-up: about")
    for step in ("[1/4]", "[2/4]", "[3/4]", "[4/4]"):
        assert f"{step} " in result.stderr
    assert READY in result.stderr


def test_quiet_says_nothing(clone: Clone) -> None:
    result = clone.run("setup", LODESTAR_SETUP_QUIET="1")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_everything_is_installed_with_hashes_and_without_dependencies(clone: Clone) -> None:
    clone.run("setup")
    installs = [line for line in clone.calls.read_text().splitlines() if " -r " in line]
    assert len(installs) == 4  # pip, build tools, packages, the engine's source
    assert all("--require-hashes --no-deps" in line for line in installs)


def test_a_wheel_once_built_serves_the_next_set_up(clone: Clone) -> None:
    clone.run("setup")
    result = clone.run("setup", "--redo")
    assert "(cached)" in result.stderr
    assert clone.called("scikit_build_core") == 1


def test_other_build_options_do_not_take_the_cached_wheel(clone: Clone) -> None:
    clone.run("setup")
    clone.run("setup", "--redo", CMAKE_ARGS="-DGGML_CUDA=on")
    assert clone.called("scikit_build_core") == 2


def test_a_cache_that_cannot_be_written_does_no_harm(clone: Clone) -> None:
    result = clone.run("setup", LODESTAR_WHEEL_CACHE="/dev/null/cache")
    assert result.returncode == 0, result.stderr


def test_a_folder_can_be_named_for_the_wheel(clone: Clone) -> None:
    folder = str(Path(clone.wheel()).parent)
    assert "(given)" in clone.run("setup", LODESTAR_LLAMA_WHEEL=folder).stderr


def test_a_failed_compile_shows_the_end_of_its_log(clone: Clone) -> None:
    result = clone.run("setup", FAKE_BREAK="1")
    assert result.returncode == 1
    assert "  | try.cpp: no such thing" in result.stderr
    assert result.stderr.splitlines()[-3].startswith("error: the local model engine")
    assert "engine.log" in result.stderr.splitlines()[-2]


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_installation_is_redone(
    clone: Clone, tmp_path: Path, sig: signal.Signals
) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    process = clone.start("setup", LODESTAR_LLAMA_WHEEL=clone.wheel(), FAKE_HOLD=str(hold))
    until(Path(f"{hold}.reached").exists)
    os.kill(process.pid, sig)
    hold.unlink()  # what a killed set-up left running comes to its end
    process.communicate(timeout=20)
    assert process.returncode == (-9 if sig == signal.SIGKILL else 130)
    result = clone.run("setup", LODESTAR_LLAMA_WHEEL=clone.wheel())
    assert READY in result.stderr
    assert clone.called("-m venv") == 2


def test_an_interrupted_compile_keeps_packages_and_source(clone: Clone) -> None:
    clone.run("setup", FAKE_BREAK="1")
    assert READY in clone.run("setup").stderr
    assert clone.called("packages.txt") == 1
    assert clone.called(" download ") == 1


def test_a_second_set_up_waits_for_the_first(clone: Clone, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    env = {"LODESTAR_LLAMA_WHEEL": clone.wheel(), "FAKE_HOLD": str(hold)}
    first = clone.start("setup", **env)
    until(Path(f"{hold}.reached").exists)
    second = clone.start("setup", **env)
    assert second.stderr is not None
    assert "waiting for it" in second.stderr.readline()
    hold.unlink()
    assert READY in first.communicate(timeout=30)[1]
    assert second.communicate(timeout=30)[1] == ""
    assert second.returncode == 0
    assert clone.called("packages.txt") == 1
