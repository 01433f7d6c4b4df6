"""A paid model that breaks, is stopped, and meets its limit, under a real Aider on a terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import RENAMED, FakedMachine
from tests.e2e.screen import Screen, open_screen
from tests.fakes.chaos import Chaos
from tests.fakes.shim_client import wait_for

INTERRUPT = "\x03"
DRAIN_S = 10


@pytest.fixture
def dear(tmp_path: Path) -> Iterator[Chaos]:
    """The paid provider, which writes down what it bills."""
    prices = ("--price-in", "300000", "--price-out", "1500000")
    with Chaos(tmp_path, "--most", "60", *prices) as chaos:
        yield chaos


@pytest.fixture
def paying(faked: FakedMachine, dear: Chaos) -> FakedMachine:
    """A machine whose models are the dear one and, at the fake server, `local-coder`."""
    server = {"provider": "openai", "model": "gpt-4o"}
    paid = {"billing": "payg", "price_in": 300, "price_out": 1500, "tier": 3, "max_output": 400}
    free = {"billing": "free", "label": "demo model", "api_base": faked.upstream.url}
    models = {"dear": {**server, **paid, "api_base": dear.url}, "local-coder": {**server, **free}}
    faked.config(json.dumps({"main": "dear", "weak": "dear", "models": models}))
    return faked


def test_a_session_that_pays_is_billed_once_and_stays_usable_at_its_limit(
    paying: FakedMachine, dear: Chaos
) -> None:
    """One start for all of it: each costs several seconds."""
    with open_screen(paying, "--no-rating", "hello.py") as terminal:
        terminal.wait("PAID dear")
        _stops_an_answer_whose_bill_still_comes(paying, dear, terminal)
        _asks_at_most_three_times_for_an_answer_that_breaks(paying, dear, terminal)
        billed = len(dear.events("asked"))
        _is_refused_once_and_goes_on_for_free(paying, terminal)
        _is_answered_for_free_and_told_so(paying, terminal)
        _ends_in_order(paying, terminal)
        assert len(dear.events("asked")) == billed
    owed = {line["id"]: line["usd_nano"] for line in dear.truth()}
    charges = paying.rows("SELECT attempt_id, cash_nano FROM charges WHERE cash_nano > 0")
    charged = {row["attempt_id"]: row["cash_nano"] for row in charges}
    assert set(charged) == set(owed)
    assert not {id for id, nano in owed.items() if charged[id] < nano}


def _edits(machine: FakedMachine) -> list[dict[str, Any]]:
    """What became of the user's messages."""
    sql = "SELECT * FROM exchanges WHERE kind = 'edit' AND status != 'open' ORDER BY id"
    return machine.rows(sql)


def _limit(machine: FakedMachine, policy: str) -> None:
    # An amount with the digits of the HTTP status that clients take for "try again".
    done = machine.run("budget", "set", "--daily", "0.429", "--on-limit", policy)
    assert done.returncode == 0, done.stderr


def _stops_an_answer_whose_bill_still_comes(
    machine: FakedMachine, dear: Chaos, terminal: Screen
) -> None:
    terminal.send("[[slow]] rename it\r")
    terminal.wait("word")
    left = time.monotonic()
    terminal.send(INTERRUPT)
    wait_for(lambda: dear.events("done") + dear.events("gone"), 60)
    (end,) = dear.events("done") + dear.events("gone")
    # The clock is the machine's, so that both processes read the same.
    assert end["at"] - left < DRAIN_S + 5
    (row,) = wait_for(lambda: _edits(machine), 30)
    (truth,) = dear.truth()
    assert (row["status"], row["usage_source"]) == ("aborted", "provider")
    assert (row["input_tokens"], row["output_tokens"]) == (truth["input"], truth["output"])


def _asks_at_most_three_times_for_an_answer_that_breaks(
    machine: FakedMachine, dear: Chaos, terminal: Screen
) -> None:
    terminal.send("[[rst]] rename it\r")
    terminal.wait("Retrying")
    wait_for(lambda: len(_edits(machine)) >= 3, 60)
    terminal.wait("Open URL for more info?")
    terminal.send("n\r")
    assert 2 <= len([line for line in dear.truth() if line["mode"] == "rst"]) <= 3


def _is_refused_once_and_goes_on_for_free(machine: FakedMachine, terminal: Screen) -> None:
    _limit(machine, "ask")
    before, retries = len(_edits(machine)), terminal.text.count("Retrying")
    terminal.send("[[good]] rename it\r")
    terminal.wait("or go on for free: /model local-coder")
    terminal.send("/model local-coder\r")
    terminal.wait("FREE local-coder")
    terminal.send("rename it after all\r")
    terminal.wait("Commit ")
    wait_for(lambda: machine.text() == RENAMED)
    refused, answered = _edits(machine)[before:]
    assert (refused["status"], answered["status"]) == ("refused", "ok")
    assert terminal.text.count("Lodestar stopped this request") == 1
    assert terminal.text.count("Retrying") == retries


def _is_answered_for_free_and_told_so(machine: FakedMachine, terminal: Screen) -> None:
    _limit(machine, "downgrade")
    terminal.send("/model dear\r")
    # Nothing is called paid that will be answered for free.
    terminal.wait("FREE local-coder (demo model), not dear: daily limit")
    before = len(_edits(machine))
    terminal.send("rename it once more\r")
    terminal.wait("answered for free by `local-coder` (demo model)")
    (row,) = _edits(machine)[before:]
    assert (row["status"], row["requested_alias"]) == ("ok", "openai/dear")
    assert (row["served_alias"], row["route_reason"]) == ("local-coder", "budget: daily limit")


def _ends_in_order(machine: FakedMachine, terminal: Screen) -> None:
    _limit(machine, "stop")
    terminal.send("and once more\r")
    assert terminal.exit_code() == 0
    # A long line is broken between words, wherever that falls.
    assert "the session ends here, nothing is lost." in " ".join(terminal.text.split())
    assert terminal.is_as_before()
    assert _edits(machine)[-1]["status"] == "refused"
    assert machine.session()["ended"] == 1
