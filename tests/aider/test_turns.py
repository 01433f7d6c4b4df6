"""How requests are counted and tagged."""

from __future__ import annotations

import threading

import pytest

from lodestar_aider.turns import Turns, kind_of


def test_a_command_opens_a_turn_only_when_it_asks_the_main_model() -> None:
    opened: list[int] = []
    turns = Turns(opened=opened.append)
    with turns.message("/undo", command=True):
        pass
    with turns.message("/commit", command=True), turns.kind("commit_message"):
        assert turns.new_request()["X-Lodestar-Turn"] == "0"
    with turns.message("/ask why", command=True), turns.message("why", False), turns.kind("ask"):
        headers = turns.new_request()
    assert (opened, turns.number) == ([len("/ask why")], 1)
    assert headers["X-Lodestar-Request"] == turns.request


def test_only_main_requests_become_the_turns_request() -> None:
    turns = Turns()
    with turns.message("change it", command=False):
        with turns.kind("edit"):
            edit = turns.new_request()
        with turns.kind("commit_message"):
            turns.new_request()
        with turns.kind("reflection"):
            reflection = turns.new_request()
    assert edit["X-Lodestar-Request"] != turns.request == reflection["X-Lodestar-Request"]
    assert edit["X-Lodestar-Turn"] == reflection["X-Lodestar-Turn"] == "1"


def test_a_summary_on_another_thread_keeps_its_own_kind() -> None:
    turns, seen = Turns(), []

    def summarise() -> None:
        seen.append(turns.new_request()["X-Lodestar-Kind"])
        with turns.kind("summary"):
            seen.append(turns.new_request()["X-Lodestar-Kind"])

    with turns.message("go", command=False), turns.kind("edit"):
        thread = threading.Thread(target=summarise)
        thread.start()
        thread.join()
        seen.append(turns.new_request()["X-Lodestar-Kind"])
    assert seen == ["other", "summary", "edit"]


@pytest.mark.parametrize(
    ("edit_format", "reflections", "kind"),
    [
        ("whole", 0, "edit"),
        ("diff", 1, "reflection"),
        ("ask", 0, "ask"),
        ("context", 2, "ask"),
        ("architect", 1, "architect"),
        ("editor-diff", 0, "editor"),
        ("editor-whole", 1, "reflection"),
        (None, 0, "edit"),
    ],
)
def test_the_kind_follows_from_the_coder(
    edit_format: str | None, reflections: int, kind: str
) -> None:
    assert kind_of(edit_format, reflections) == kind
