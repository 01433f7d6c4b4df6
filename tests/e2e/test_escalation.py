"""`auto` under a real Aider: free first, up after two edits that could not be applied."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import RENAMED, SOURCE, FakedMachine
from tests.e2e.screen import open_screen
from tests.fakes.shim_client import wait_for
from tests.fakes.upstream import Upstream

FENCE = "hello.py\n```python\n<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n```\n"
NOT_THERE = "def nobody_wrote_this(so, it, cannot, be, found):\n    return 1 + 2 + 3\n"
WRONG, RIGHT = FENCE.format(NOT_THERE, RENAMED), FENCE.format(SOURCE, RENAMED)


@pytest.fixture
def paid() -> Iterator[Upstream]:
    with Upstream(text=RIGHT) as server:
        yield server


def configured(machine: FakedMachine, paid: Upstream, escalate: str) -> None:
    """The free model's edits fail, the paid one's work."""
    machine.upstream.text = WRONG
    server = {"provider": "openai", "model": "gpt-4o", "aider": {"edit_format": "diff"}}
    price = {"billing": "payg", "price_in": 3, "price_out": 15, "tier": 2, "max_output": 500}
    models = {
        "local-coder": {**server, "billing": "free", "api_base": machine.upstream.url},
        "mid": {**server, **price, "api_base": paid.url},
    }
    routing = {"auto": ["local-coder", "mid"], "escalate": escalate}
    settings = {"main": "auto", "weak": "local-coder", "routing": routing, "tier_ceiling": 2}
    machine.config(json.dumps({**settings, "models": models}))


def test_after_two_failed_edits_a_paid_model_writes_the_third_and_the_user_is_told(
    faked: FakedMachine, paid: Upstream
) -> None:
    configured(faked, paid, "auto")
    with open_screen(faked, "--yes-always", "--no-rating", "hello.py") as terminal:
        terminal.wait("FREE auto, else PAID")
        terminal.send("rename hello to greet\r")
        terminal.wait("`mid` answered, for money (local edit failed twice)")
        terminal.send("/exit\r")
        assert terminal.exit_code() == 0
    assert "def greet():" in faked.text()
    sql = "SELECT alias, reason FROM attempts WHERE alias = 'mid' OR reason LIKE 'auto%'"
    assert [(row["alias"], row["reason"]) for row in faked.rows(f"{sql} ORDER BY id")] == [
        ("local-coder", "auto: free first"),
        ("local-coder", "auto: free first"),
        ("mid", "local edit failed twice"),
    ]
    assert len(paid.chats) == 1
    listed = faked.run("log", "list", "--model", "mid", "--json").stdout
    (exchange,) = json.loads(listed)["data"]
    shown = faked.run("log", "show", exchange["id"]).stdout
    assert "answered mid (local edit failed twice)" in shown
    assert "attempt  1 mid (openai, gpt-4o, payg): ok" in shown


def test_ask_stops_once_and_names_the_model_to_go_on_with(
    faked: FakedMachine, paid: Upstream
) -> None:
    configured(faked, paid, "ask")
    edit = ("--yes-always", "--no-rating", "hello.py", "--message", "rename hello to greet")
    done = faked.run("code", *edit)
    words = " ".join(done.stdout.split())
    assert "the edit by `local-coder` failed twice" in words
    assert "go on with /model mid" in words
    assert "Retrying" not in words
    assert not paid.chats
    wait_for(lambda: ("reflection", "refused") in faked.statuses())
