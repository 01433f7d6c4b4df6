"""The shim's slash commands in a real Aider: help, completion, abbreviations, what they do."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.aider.place import Place
from tests.aider.terminal import Terminal

TAB, INTERRUPT = "\t", "\x03"
NAMES = ("usage", "budget", "free", "paid", "up", "down", "extend", "why", "escalate")
QUESTION = "Go on with claude-x? (Y)es/(N)o [No]:"
PLAIN = "Use `/help <question>`"


def _command(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "help": f"Do {name}", "argument": "", "words": [], **more}


def _serve(place: Place, *more: dict[str, Any]) -> None:
    """All of them, answered with a line each; and more."""
    place.fake.commands = [
        *(_command(name) for name in NAMES if name != "paid"),
        _command("paid", argument="ALIAS", words=["claude-x", "grok-x"]),
        *more,
    ]
    for one in place.fake.commands:
        name = one["name"]
        place.fake.replies[name] = lambda body, name=name: {"lines": [f"ran {name}, {body}"]}


def _asked(place: Place) -> list[tuple[str, str]]:
    return [(name, body["argument"]) for name, body in place.fake.asked]


def _send(terminal: Terminal, place: Place, line: str) -> None:
    """Enter a line and wait for the next prompt."""
    count = len(place.fake.of_type("idle"))
    terminal.send(f"{line}\r")
    place.fake.wait_event("idle", count + 1)


def test_commands_are_known_to_aiders_help_completion_and_matching(place: Place) -> None:
    """One start for all of it: each costs several seconds."""
    _serve(place, _command("undo"), _command("Bad Name"), _command("two-words"))
    with place.spawn("app.py") as terminal:
        place.fake.wait_event("idle")
        _are_in_the_help(place, terminal)
        _are_completed(place, terminal)
        _leave_aiders_own_abbreviations_alone(place, terminal)
        _take_what_follows(place, terminal)
        _say_what_went_wrong(place, terminal)
        _are_typed_ahead_of_an_answer(place, terminal)
        terminal.send("/ex\r")
        assert terminal.exit_code() == 0
    assert place.fake.unknown_paths == []
    sent = json.dumps([chat.body for chat in place.fake.chats])
    assert "ran " not in sent
    assert "/usage" not in sent


def _are_in_the_help(place: Place, terminal: Terminal) -> None:
    _send(terminal, place, "/help")
    terminal.wait(PLAIN)
    lines = [" ".join(line.split()) for line in terminal.text.splitlines()]
    assert "/usage Do usage" in lines
    assert "/paid Do paid: /paid ALIAS" in lines
    assert "/two-words Do two-words" in lines
    assert "Do undo" not in terminal.text, "a command of Aider's own is never replaced"


def _are_completed(place: Place, terminal: Terminal) -> None:
    terminal.send("/two" + TAB)
    terminal.wait("/two-words")
    terminal.send("\r")
    place.fake.wait(lambda: _asked(place) == [("two-words", "")])
    terminal.wait("ran two-words")
    # Aider completes with what has the typed part anywhere in it.
    terminal.send("/paid rok" + TAB)
    terminal.wait("grok-x")
    terminal.send(TAB)
    terminal.wait("grok-x", 2)
    terminal.send("\r")
    place.fake.wait(lambda: ("paid", "grok-x") in _asked(place))
    place.fake.wait_event("idle", 4)
    place.fake.change(asked=[])


def _leave_aiders_own_abbreviations_alone(place: Place, terminal: Terminal) -> None:
    # In plain Aider this means /undo, and /ex means /exit: see the end of the session.
    _send(terminal, place, "/u")
    terminal.wait("Cannot undo.")
    _send(terminal, place, "/w")
    terminal.wait("Ambiguous command: /weak-model, /web, /why")
    assert not _asked(place)
    for line in ("/us", "/wh", "/fr", "/up", "/dow", "/bud", "/ext 5m", "/es"):
        _send(terminal, place, line)
    ran = [name for name, _ in _asked(place)]
    assert ran == ["usage", "why", "free", "up", "down", "budget", "extend", "escalate"]
    place.fake.change(asked=[])


def _take_what_follows(place: Place, terminal: Terminal) -> None:
    _send(terminal, place, "/down  wrong: 雪 é \U0001f600 'quoted' \"x\" `y` $HOME [red]z[/red]")
    _send(terminal, place, "/up " + "x" * 3000)
    assert _asked(place) == [
        ("down", "wrong: 雪 é \U0001f600 'quoted' \"x\" `y` $HOME [red]z[/red]"),
        ("up", "x" * 3000),
    ]
    assert place.fake.asked[0][1]["model"] == "openai/local-coder"
    assert place.fake.asked[0][1]["confirmed"] is False


def _say_what_went_wrong(place: Place, terminal: Terminal) -> None:
    text = "\n\n  it cannot be\n  for a reason\x1b[2J\n  do that\n"
    place.fake.replies["why"] = lambda body: {"error": {"message": text}}
    _send(terminal, place, "/why")
    terminal.wait("for a reason[2J")
    assert "do that" in terminal.text
    for odd in ({"lines": 5}, {"lines": [{}]}, {}, {"effect": 5}, {"effect": {"minutes": "soon"}}):
        place.fake.replies["why"] = lambda body, odd=odd: odd  # type: ignore[misc]
        _send(terminal, place, "/why")
    assert terminal.text.count("/why: no answer from Lodestar's shim") == 2
    assert "/why failed: ValueError" in terminal.text
    place.fake.replies["why"] = lambda body: {"lines": ["because"]}


def _are_typed_ahead_of_an_answer(place: Place, terminal: Terminal) -> None:
    place.fake.change(hold=True)
    terminal.send("say something\r")
    terminal.wait("There is")
    terminal.send("/usage\r")
    place.fake.change(asked=[])
    place.fake.wait_polls(3)
    assert not _asked(place), "it waits until the answer is there"
    place.fake.change(hold=False)
    place.fake.wait(lambda: _asked(place) == [("usage", "")])
    terminal.wait("ran usage", 2)


def test_a_question_is_asked_and_only_a_yes_goes_on(place: Place) -> None:
    _serve(place)

    def paid(body: dict[str, Any]) -> dict[str, Any]:
        if body["confirmed"]:
            return {"lines": ["from now on it is paid"], "effect": {"model": "claude-x"}}
        return {"lines": ["it costs $3"], "question": "Go on with claude-x?"}

    place.fake.replies["paid"] = paid
    place.fake.replies["free"] = lambda body: {"lines": [], "effect": {"model": "local-coder"}}
    with place.spawn("app.py", aliases=["local-coder", "claude-x"]) as terminal:
        place.fake.wait_event("idle")
        for count, no in enumerate(("n\r", "\r", "\x04"), 1):
            _is_asked(terminal)
            terminal.send(no)
            terminal.wait("nothing was changed", count)
        place.fake.wait_event("idle", 4)
        _is_asked(terminal)
        terminal.send(INTERRUPT)
        place.fake.wait_event("idle", 5)
        assert not any(body["confirmed"] for _, body in place.fake.asked)
        _is_asked(terminal)
        terminal.send("y\r")
        assert place.fake.wait_event("idle", 6)["model"] == "openai/claude-x"
        _send(terminal, place, "hello")
        assert place.fake.chats[-1].model == "claude-x"
        _send(terminal, place, "/free")
        assert place.fake.of_type("idle")[-1]["model"] == "openai/local-coder"
        _is_extended_before_word_of_its_end_comes(place, terminal)


def _is_asked(terminal: Terminal) -> None:
    # A question is drawn again with its answer.
    count = terminal.text.count(QUESTION)
    terminal.send("/paid claude-x\r")
    terminal.wait(QUESTION, count + 1)


def _is_extended_before_word_of_its_end_comes(place: Place, terminal: Terminal) -> None:
    place.fake.replies["extend"] = lambda body: {"lines": [], "effect": {"minutes": "135"}}
    end = {"reason": "time is up", "kind": "time limit", "minutes": 120}
    _send(terminal, place, "/extend 15m")
    place.fake.change(end=end)
    place.fake.wait_polls(3)
    _send(terminal, place, "/usage")
    place.fake.change(end={**end, "minutes": 135})
    terminal.wait("[lodestar] time is up")
    assert terminal.exit_code() == 0


def test_yes_always_and_a_missing_terminal_are_no_answer(place: Place) -> None:
    _serve(place)
    place.fake.replies["paid"] = lambda body: {"lines": ["$3"], "question": "Go on?"}
    always = place.run("--yes-always", "--message", "/paid claude-x")
    assert "nothing was changed: --yes-always does not answer this question" in always.stdout
    closed = place.run("--message", "/paid claude-x")
    assert "nothing was changed" in closed.stdout
    assert (always.returncode, closed.returncode) == (0, 0)
    assert not any(body["confirmed"] for _, body in place.fake.asked)
    assert place.fake.chats == []


def test_a_shim_that_does_not_answer_is_said_once_and_aider_goes_on(place: Place) -> None:
    place.fake.commands = None
    before = time.monotonic()
    done = place.run("--message", "/usage")
    assert time.monotonic() - before >= 5, "it asks again for a while"
    assert done.stdout.count("commands such as /why are missing in this session") == 1
    assert "Invalid command: /usage" in done.stdout
    assert done.returncode == 0


def test_a_command_without_a_shim_says_so_and_aider_goes_on(place: Place) -> None:
    _serve(place)
    place.fake.replies["usage"] = lambda body: place.fake.hang_up()  # type: ignore[return-value]
    done = place.run("--message", "/usage")
    assert "/usage: no answer from Lodestar's shim" in done.stdout
    assert "try it again in a moment" in done.stdout
    assert done.returncode == 0


def test_without_extras_there_are_no_commands(place: Place) -> None:
    _serve(place)
    done = place.run("--message", "/usage", plain=True)
    assert "commands such as" not in done.stdout
    assert "Invalid command: /usage" in done.stdout
