"""The question about a repository's settings, and what follows from the answer, for real."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lodestar.loading import load
from lodestar.trust.question import decide
from tests.e2e.conftest import RENAMED, Machine
from tests.e2e.screen import Screen, open_screen
from tests.fakes.shim_client import free_model
from tests.fakes.upstream import Upstream

ANSWER = f"hello.py\n```\n{RENAMED}```\n"
EDIT = ("--no-rating", "--yes-always", "--message", "x", "hello.py")
QUESTION = "Enter alone ignores"


@pytest.fixture
def cloned(machine: Machine) -> Iterator[Machine]:
    """A clone with a test and a lint command, an address, and escapes."""
    with Upstream(text=ANSWER) as upstream:
        machine.config("main: fake\nweak: fake\n" + free_model(upstream.url))
        (machine.project / ".aider.conf.yml").write_text(
            "auto-test: true\n"
            "test-cmd: touch tested\n"
            "lint-cmd: touch linted; true\n"
            f'openai-api-base: "{upstream.url}/evil\\e[2J"\n'
        )
        (machine.project / ".gitignore").write_text("tested\nlinted\n")
        machine.git("add", "-A")
        machine.git("commit", "-qm", "configuration")
        yield machine


def ran(machine: Machine) -> list[str]:
    """Which of the repository's commands ran."""
    return [name for name in ("linted", "tested") if (machine.project / name).exists()]


def test_without_a_terminal_it_is_one_line_and_only_trust_lets_the_commands_run(
    cloned: Machine,
) -> None:
    before = cloned.run("code", *EDIT)
    assert (before.returncode, ran(cloned)) == (0, []), before.stderr
    assert cloned.text() == RENAMED
    assert before.stderr.count("lodestar trust") == 1
    assert ".aider.conf.yml:3 lint-cmd" in before.stderr
    assert cloned.run("trust", "--yes").returncode == 0
    cloned.git("reset", "-q", "--hard", "HEAD~1")
    after = cloned.run("code", *EDIT)
    assert (after.returncode, ran(cloned)) == (0, ["linted", "tested"]), after.stderr
    assert "lodestar trust" not in after.stderr


def test_enter_ignores_and_a_change_asks_again(cloned: Machine) -> None:
    with open_screen(cloned, *EDIT) as screen:
        screen.wait(QUESTION)
        assert not cloned.processes("lodestar_aider") + cloned.processes("lodestar_shim")
        _is_harmless_to_look_at(screen)
        screen.send("\r")
        assert screen.exit_code() == 0
    assert (cloned.text(), ran(cloned)) == (RENAMED, [])
    assert "ignored" in cloned.run("trust", "--list").stdout
    cloned.git("reset", "-q", "--hard", "HEAD~1")
    with (cloned.project / ".aider.conf.yml").open("a") as file:
        file.write("# more\n")
    with open_screen(cloned, *EDIT) as screen:
        screen.wait(QUESTION)
        assert "It has changed since you decided." in screen.text
        screen.send("y\r")
        assert screen.exit_code() == 0
    assert ran(cloned) == ["linted", "tested"]


def test_what_was_ignored_is_not_told_at_each_start(cloned: Machine) -> None:
    (cloned.project / ".lodestar.yaml").write_text("models: {}\ntier_ceiling: 5\n")
    before = cloned.run("code", *EDIT).stderr
    assert "`models` is ignored" in before
    assert "cannot raise the tier ceiling" in before
    home = {"LODESTAR_HOME": str(cloned.home)}
    decide(load({}, home, cloned.project), "ignored")
    cloned.git("reset", "-q", "--hard", "HEAD~1")
    after = cloned.run("code", *EDIT)
    assert after.returncode == 0
    assert ".lodestar.yaml" not in after.stderr
    assert ".lodestar.yaml:1" in cloned.run("config", "show").stderr


def _is_harmless_to_look_at(screen: Screen) -> None:
    assert "+ .aider.conf.yml:2  test-cmd: touch tested" in screen.text
    assert "runs `touch tested` after each edit" in screen.text
    assert "\\x1b[2J" in screen.text
    assert "\x1b" not in screen._raw


def test_ctrl_c_at_the_question_starts_nothing_and_decides_nothing(cloned: Machine) -> None:
    with open_screen(cloned, *EDIT) as screen:
        screen.wait(QUESTION)
        screen.send("\x03")
        assert screen.exit_code() == 130
    assert not list(cloned.home.glob("trust/*"))
    assert not (cloned.home / "usage.db").exists()
    cloned.wait_gone()


def test_odd_files_are_told_and_the_edit_is_made(cloned: Machine) -> None:
    """The real `lodestar code` with what neither git nor a light start can bring."""
    for name, data in ((".aiderignore", b"!\n\xff"), (".env", b"\0" * 200_000)):
        (cloned.project / name).write_bytes(data)
    (cloned.project / ".aider.conf.yml").unlink()
    (cloned.project / ".aider.conf.yml").symlink_to("/etc/passwd")
    (cloned.project / ".lodestar.yaml").mkdir()
    done = cloned.run("code", *EDIT)
    assert (done.returncode, cloned.text()) == (0, RENAMED), done.stderr
    assert ".lodestar.yaml: ignored (it is not a plain file)" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    lines = cloned.run("trust").stdout
    assert "is not read: it is a link" in lines
    assert "is not read: it is larger than 64 kB" in lines
