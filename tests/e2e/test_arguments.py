"""Arguments, exit codes and errors of `lodestar code`."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import RENAMED, SOURCE, Machine
from tests.fakes.shim_client import free_model
from tests.fakes.upstream import Upstream

ANSWER = f"hello.py\n```\n{RENAMED}```\n"


@pytest.fixture
def upstream(machine: Machine):
    with Upstream(text=ANSWER) as server:
        machine.config("main: fake\nweak: fake\n" + free_model(server.url))
        yield server


def test_arguments_pass_to_aider_unchanged_and_its_exit_code_comes_back(
    machine: Machine, upstream: Upstream
) -> None:
    done = machine.run("code", "--no-such-option", "a b", "--", "--x")
    assert done.returncode == 2
    assert "--no-such-option" in done.stdout + done.stderr


def test_a_message_with_odd_characters_arrives_as_typed(
    machine: Machine, upstream: Upstream
) -> None:
    odd = 'rename "hello" to greet; $HOME `x` \\n ä'
    done = machine.run("code", "--yes-always", "--model", "fake", "hello.py", "--message", odd)
    assert done.returncode == 0, done.stderr
    assert odd in upstream.chats[0].body["messages"][-1]["content"]
    assert machine.text() == RENAMED


@pytest.mark.parametrize("model", [("--model", "gpt-9"), ("--weak-model=gpt-9",)])
def test_an_unknown_model_is_told_before_anything_starts(
    machine: Machine, model: tuple[str, ...]
) -> None:
    done = machine.run("code", "--yes-always", *model, "hello.py", "--message", "x")
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no model called `gpt-9`")
    assert machine.text() == SOURCE
    assert not (machine.home / "usage.db").exists()


def test_a_broken_configuration_is_three_lines_and_exit_code_2(machine: Machine) -> None:
    machine.config("modles: {}\n")
    done = machine.run("code", "--message", "x")
    assert done.returncode == 2
    assert [line[:6] for line in done.stderr.splitlines()] == ["error:", "why:  ", "do:   "]


@pytest.mark.parametrize(
    ("config", "blocked", "why"),
    [
        ("{}", "run", "cannot use"),
        ("aider: {python: /no/such/python}", "", "cannot start /no/such/python"),
    ],
)
def test_a_session_that_cannot_begin_leaves_nothing(
    machine: Machine, config: str, blocked: str, why: str
) -> None:
    machine.config(config + "\n")
    if blocked:
        (machine.home / blocked).write_text("")
    done = machine.run("code", "--message", "x")
    assert done.returncode == 1
    assert why in done.stderr
    assert [line[:6] for line in done.stderr.splitlines()] == ["error:", "why:  ", "do:   "]
    assert not list(machine.home.glob("run/*"))
    machine.wait_gone()


@pytest.mark.parametrize(
    ("arguments", "usage"),
    [
        (["--help"], "Usage: lodestar code"),
        (["-h"], "Usage: lodestar code"),
        (["--", "--help"], "usage: aider"),
    ],
)
def test_help_is_ours_and_aiders_behind_two_dashes(
    machine: Machine, arguments: list[str], usage: str
) -> None:
    done = machine.run("code", *arguments)
    assert done.returncode == 0
    assert usage in done.stdout
    assert not done.stderr
    machine.wait_gone("lodestar_aider")


def test_a_project_file_chooses_a_model_but_cannot_loosen_anything(
    machine: Machine, upstream: Upstream
) -> None:
    (machine.project / ".lodestar.yaml").write_text(
        "tier_ceiling: 5\nmodels: {x: {}}\naider: {args: [--yes-always]}\n"
    )
    done = machine.run("code", "--message", "x", "hello.py", "--yes-always")
    assert done.stderr.count("warning:") == 3
    assert "`models` is ignored" in done.stderr
