"""`lodestar log refresh`, and what the log shows of it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from lodestar.cli.main import run
from tests.outcomes.place import Place

NEW = "one\nred = 1\ngreen = 2\nblue = 3\ngrey = 4\nthree\n"
Command = Callable[..., tuple[int, list[list[str]], str]]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run a command; its code, the cells of its table, and its stderr."""

    def call(*arguments: str) -> tuple[int, list[list[str]], str]:
        capfd.readouterr()
        code = run(arguments)
        found = capfd.readouterr()
        return code, [line.split("\t") for line in found.out.splitlines()[1:]], found.err

    return call


def kept(command: Command) -> list[str]:
    """The last column of the log, the newest exchange first."""
    return [row[-1] for row in command("log")[1]]


def test_a_refresh_says_what_it_did_and_the_log_shows_what_is_kept(
    place: Place, command: Command
) -> None:
    place.answer({"app.py": NEW})
    assert kept(command) == [""]
    place.commit({"app.py": NEW.replace("red = 1\n", "")}, day=3)
    assert command("log", "refresh") == (0, [[str(place.root), *"11000", ""]], "")
    assert kept(command) == ["75%"]
    assert command("log", "refresh", "--project", "repo")[1] == [[str(place.root), *"10000", ""]]


@pytest.mark.parametrize("how", ["undone", "reverted"])
def test_what_was_taken_back_keeps_nothing(place: Place, command: Command, how: str) -> None:
    commit = place.answer({"app.py": NEW})
    if how == "undone":
        exchange = place.store.rows("SELECT id FROM exchanges")[0]["id"]
        place.worklog.signal("undo", exchange, hash=commit)
        place.git("reset", "-q", "--hard", "HEAD~1")
    else:
        place.git("revert", "--no-edit", commit, day=39)
    command("log", "refresh")
    assert kept(command) == ["0%"]


def test_several_commits_of_an_answer_count_together(place: Place, command: Command) -> None:
    first = place.commit({"app.py": NEW})
    exchange = place.record(first)
    second = place.commit({"other.py": "alpha\nbeta\n"}, day=0.1)
    event = {"hash": second, "aider_edits": True}
    place.worklog.signal("commit", exchange, **event)
    place.commit({"other.py": "gamma\n"}, day=1.5)
    command("log", "refresh")
    assert kept(command) == ["67%"]


def test_a_moved_project_is_named_by_its_new_folder(place: Place, command: Command) -> None:
    commit = place.answer({"app.py": NEW})
    moved = place.root.with_name("elsewhere")
    place.root.rename(moved)
    assert command("log", "refresh")[1] == [
        [str(place.root), *"00010", "no git repository is there"]
    ]
    assert command("log", "refresh", "--project", str(moved))[0] == 0
    assert place.kept(commit)[30] == (4, 4)


def test_an_unknown_project_is_an_error_that_names_the_known_ones(
    place: Place, command: Command
) -> None:
    code, _, err = command("log", "refresh", "--project", "nosuch")
    assert code == 2
    assert err.splitlines()[:2] == [
        "error: there is no project `nosuch`",
        f"why:   known: {place.root}",
    ]


def test_json_has_the_same_numbers(
    place: Place, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    place.answer({"app.py": NEW})
    run(["log", "refresh", "--json"])
    data = json.loads(capfd.readouterr().out)
    assert (data["schema"], data["data"][0]["looked"]) == ("lodestar.refresh/1", 1)
    run(["log", "--json"])
    assert json.loads(capfd.readouterr().out)["data"][0]["kept"] == 100
