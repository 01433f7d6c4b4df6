"""Slash commands and `!lodestar` in Aider's prompt, against the real shim."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.conftest import LODESTAR, FakedMachine
from tests.e2e.screen import Screen, open_screen
from tests.fakes.shim_client import wait_for

SAID = re.compile("cost: |no answer from Lodestar's shim")
ADD = "command output to the chat?"


@pytest.fixture
def paying(faked: FakedMachine) -> FakedMachine:
    """A machine with a free model and a paid one, both at the fake server."""
    server = {"provider": "openai", "model": "fake-model", "api_base": faked.upstream.url}
    price = {"billing": "payg", "price_in": 3, "price_out": 15, "tier": 3, "max_output": 400}
    models = {"mine": {**server, "billing": "free"}, "dear": {**server, **price}}
    faked.config(json.dumps({"main": "mine", "weak": "mine", "models": models}))
    return faked


def test_a_session_is_steered_from_the_prompt(paying: FakedMachine) -> None:
    """One start for all of it: each costs several seconds."""
    with open_screen(paying, "--no-rating", "--time-limit", "2h", "hello.py") as terminal:
        terminal.wait("FREE mine")
        terminal.send("/up\r")
        terminal.wait("this session has no answer yet")
        terminal.send("rename it\r")
        terminal.wait("Commit ")
        _rates_and_asks_why(paying, terminal)
        _pays_and_goes_back(paying, terminal)
        _runs_lodestar(paying, terminal)
        terminal.send("/extend 15m\r")
        terminal.wait("this session ends at ")
        assert paying.rows("SELECT session_minutes FROM sessions") == [{"session_minutes": 135}]
        _goes_on_after_the_shim_was_killed(paying, terminal)
        terminal.send("/exit\r")
        assert terminal.exit_code() == 0
    sent = json.dumps([chat.body for chat in paying.upstream.chats])
    assert "rated good" not in sent
    assert "per million tokens" not in sent


def _rates_and_asks_why(machine: FakedMachine, terminal: Screen) -> None:
    terminal.send("/up\r")
    terminal.wait("rated good: the edit by mine at ")
    terminal.send("/down incomplete no tests\r")
    terminal.wait('rated bad, incomplete "no tests" (was good)')
    terminal.send("/why\r")
    terminal.wait("cost: nothing, the model is free")
    commit = machine.git("rev-parse", "--short=7", "HEAD").strip()
    terminal.wait(f"kept: yes, as commit {commit}")


def _pays_and_goes_back(machine: FakedMachine, terminal: Screen) -> None:
    terminal.send("/paid dear\r")
    terminal.wait("dear: $3.00 in, $15.00 out per million tokens")
    terminal.wait("a message like your last one: ")
    terminal.wait("Go on with dear?")
    terminal.send("y\r")
    terminal.wait("PAID dear")
    terminal.send("/ask what is it?\r")
    terminal.wait("Certainly so.", 2)
    terminal.send("/why\r")
    terminal.wait("asked for: dear")
    terminal.wait("paid because: you asked for it")
    terminal.send("/free\r")
    terminal.wait("from now on mine: FREE")


def _runs_lodestar(machine: FakedMachine, terminal: Screen) -> None:
    _run(terminal, "!lodestar rate up", "recorded: good")
    _run(terminal, "/run lodestar log show", "asked    openai/dear, ask")
    _run(terminal, "!lodestar budget show", "no limit is set")
    last = machine.rows("SELECT verdict, source FROM ratings ORDER BY id DESC LIMIT 1")
    assert last == [{"verdict": "good", "source": "command"}]


def _run(terminal: Screen, line: str, words: str) -> None:
    """Run a program, and keep its output out of the chat."""
    before = len(terminal.text)

    def is_asked() -> bool:
        # The question before this one is drawn again with its answer.
        return ADD in terminal.text[before:].partition(words)[2]

    terminal.send(f"{line}\r")
    try:
        wait_for(is_asked, 20)
    except TimeoutError as error:
        raise TimeoutError(f"no {words!r} in {terminal.text[before:]!r}") from error
    terminal.send("n\r")


def _goes_on_after_the_shim_was_killed(machine: FakedMachine, terminal: Screen) -> None:
    machine.kill_shim()
    for _ in range(60):
        before = len(terminal.text)
        terminal.send("/why\r")
        wait_for(lambda start=before: SAID.search(terminal.text[start:]), 60)
        if "cost: " in terminal.text[before:]:
            return
    pytest.fail(terminal.text[-1000:])


def test_a_message_may_be_a_command(paying: FakedMachine) -> None:
    done = paying.run("code", "--no-rating", "--", "--message", "/usage")
    assert done.returncode == 0, done.stderr
    assert "this session" in done.stdout
    assert paying.upstream.chats == []


def test_lodestar_is_found_where_path_does_not_name_it(
    paying: FakedMachine, tmp_path: Path
) -> None:
    bare = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
    line = "/run lodestar log show; command -v lodestar; echo $LODESTAR_SESSION"
    done = paying.run("code", "--no-rating", "--", "--message", line, env=bare)
    assert "this session has no answer yet" in done.stdout, done.stdout + done.stderr
    session = paying.rows("SELECT id FROM sessions")[0]["id"]
    assert session in done.stdout
    assert f"run/{session}/bin/lodestar" in done.stdout.replace("\n", "")
    assert not (paying.home / "run" / session).exists()
    assert str(LODESTAR) not in done.stdout
