"""The status line of a whole session, and the notices that come after a turn."""

from __future__ import annotations

import json

from tests.e2e.conftest import RENAMED, FakedMachine
from tests.e2e.screen import Screen, open_screen
from tests.fakes.shim_client import wait_for

TOLD = "[lodestar] `cheap` answered, for free"
INSTEAD = "FREE flaky | last answer: FREE cheap"


def configured(machine: FakedMachine) -> None:
    """A free model that fails now and then, and one that costs money."""
    server = {"provider": "openai", "model": "m", "api_base": machine.upstream.url}
    paid = {"billing": "payg", "price_in": 0, "price_out": 1500, "tier": 3, "max_output": 400}
    models = {
        "flaky": {**server, "billing": "free", "fallbacks": ["cheap"]},
        "cheap": {**server, "billing": "free"},
        "dear": {**server, **paid},
    }
    machine.upstream.usage = {"prompt_tokens": 1100, "completion_tokens": 300}
    settings = {"main": "flaky", "weak": "cheap", "routing": {"retries": 0}, "models": models}
    machine.config(json.dumps(settings))
    assert machine.run("budget", "set", "--daily", "2").returncode == 0


def test_the_line_says_what_a_turn_really_was_and_a_notice_waits_for_its_end(
    faked: FakedMachine,
) -> None:
    """One start for all of it: each costs several seconds."""
    configured(faked)
    with open_screen(faked, "--no-rating", "--yes-always", "hello.py") as terminal:
        terminal.wait("FREE flaky | today $0.00/$2.00")
        _is_answered_by_another(faked, terminal)
        _types_while_the_line_changes(faked, terminal)
        _sees_the_same_in_figures(terminal)
        terminal.send("/exit\r")
        assert terminal.exit_code() == 0
        assert terminal.is_as_before()


def _is_answered_by_another(machine: FakedMachine, terminal: Screen) -> None:
    machine.upstream.script("500", "hold")
    terminal.send("rename it\r")
    terminal.wait("Certainly")
    # The notice is due from now on, and waits.
    machine.upstream.release()
    terminal.wait(TOLD)
    text = terminal.text
    assert text.index("Commit ") < text.index(TOLD)
    assert machine.text() == RENAMED
    # 1,400 for the edit and as many for its commit message; the limit counts the paid ones.
    drawn = terminal.redrawn(f"{INSTEAD} | today $0.00/$2.00 | 2.8k tokens", 98)
    assert "avoided $0." in drawn
    assert "avoided" not in terminal.redrawn("| 2.8k tokens", 72)
    assert "today" not in terminal.redrawn(INSTEAD, 40)


def _types_while_the_line_changes(machine: FakedMachine, terminal: Screen) -> None:
    machine.upstream.script()
    terminal.send("/model dear\r")
    terminal.wait("PAID dear | ")
    terminal.send("say it")
    assert machine.run("budget", "set", "--daily", "0.50").returncode == 0
    assert "> say it" in terminal.redrawn("PAID dear | today $0.00/$0.50", 98)
    terminal.send(" once more\r")
    wait_for(lambda: any("say it once more" in str(c.body) for c in machine.upstream.chats), 60)
    # 300 tokens at $1,500 a million are $0.45 of $0.50.
    terminal.wait("[lodestar] 90 % of the daily limit: $0.45 of $0.50 used")
    drawn = terminal.redrawn("today $0.45/$0.50 (90 %)", 98)
    assert "session $0.45" in drawn


def _sees_the_same_in_figures(terminal: Screen) -> None:
    terminal.send("/usage\r")
    terminal.wait("cash")
    terminal.wait("avoided: what the free calls would have cost")
    terminal.send("/budget\r")
    terminal.wait("%  $0.45 of $0.50")
