"""Aider on a terminal: what the user sees and does, and what the shim hears of it."""

from __future__ import annotations

from tests.aider.place import Place, whole_file
from tests.aider.terminal import Terminal

NOTICE = {"id": 1, "level": "warn", "text": "80% of today's budget is used\x1b[2J"}


def test_a_session_on_a_terminal_from_the_first_prompt_to_the_end(place: Place) -> None:
    """One start for all of it: each costs several seconds."""
    place.fake.status = ["local-coder", "$0.00 today"]
    place.fake.answers = [whole_file("app.py", 'print("bye")\n')]
    with place.spawn("--no-auto-accept-architect", "app.py") as terminal:
        terminal.wait("local-coder | $0.00 today")
        _edits_then_takes_it_back(place, terminal)
        _interrupts_an_answer(place, terminal)
        _reads_a_notice_while_typing(place, terminal)
        _switches_to_another_model(place, terminal)
        _is_ended_during_a_question(place, terminal)
        assert terminal.exit_code() == 0
    assert place.fake.of_type("exit")[0]["code"] == 0
    assert place.fake.unknown_paths == []


def _edits_then_takes_it_back(place: Place, terminal: Terminal) -> None:
    terminal.send("say bye\r")
    place.fake.wait_event("idle", 2)
    commit = place.fake.wait_event("commit")
    terminal.send("/undo\r")
    undo = place.fake.wait_event("undo")
    assert (undo["hash"], undo["request"]) == (commit["hash"], commit["request"])
    assert (undo["turn"], len(place.fake.of_type("turn"))) == (1, 1)
    assert (place.repo / "app.py").read_text() == 'print("hello")\n'


def _interrupts_an_answer(place: Place, terminal: Terminal) -> None:
    place.fake.change(hold=True)
    terminal.send("say it again\r")
    terminal.wait("There is")
    terminal.send("\x03")
    interrupt = place.fake.wait_event("interrupt")
    assert interrupt["request"] == place.fake.chats[-1].headers["x-lodestar-request"]
    place.fake.change(hold=False)
    place.fake.wait_event("idle", 4)


def _reads_a_notice_while_typing(place: Place, terminal: Terminal) -> None:
    terminal.send("half of a")
    terminal.wait("half of a")
    place.fake.add("notices", NOTICE)
    terminal.wait("[lodestar] 80% of today's budget is used[2J")
    terminal.send(" message\r")
    place.fake.wait_event("idle", 5)
    assert place.fake.chats[-1].body["messages"][-1]["content"].startswith("half of a message")
    assert terminal.text.count("[lodestar]") == 1


def _switches_to_another_model(place: Place, terminal: Terminal) -> None:
    terminal.send("/model claude-x\r")
    place.fake.wait_event("idle", 6)
    terminal.send("/ask who are you?\r")
    place.fake.wait_event("idle", 7)
    asked = place.fake.chats[-1]
    assert (asked.model, asked.kind) == ("claude-x", "ask")
    assert asked.headers["authorization"] == f"Bearer {place.fake.token}"
    assert asked.headers["x-lodestar-turn"] == str(len(place.fake.of_type("turn"))) == "4"


def _is_ended_during_a_question(place: Place, terminal: Terminal) -> None:
    """Aider would take an end of input for Yes: the turn goes on as the user says, then it ends."""
    place.fake.answers = ["Let app.py say ciao.", whole_file("app.py", 'print("ciao")\n')]
    terminal.send("/architect say ciao\r")
    terminal.wait("Edit the files?")
    place.fake.change(end={"reason": "the time for this session is over"})
    place.fake.wait_polls(3)
    assert place.fake.kinds()[-1] == "architect"
    terminal.send("y\r")
    terminal.wait("[lodestar] the time for this session is over")
    assert place.fake.kinds()[-3:] == ["architect", "editor", "commit_message"]
    assert (place.repo / "app.py").read_text() == 'print("ciao")\n'
    assert place.fake.of_type("apply")[-1]["edited"] == ["app.py"]
    assert place.fake.of_type("apply")[-1]["turn"] == 5
