"""What a refusal suggests is a command that works."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from lodestar.hookspecs import Refused
from lodestar.modules.usage_tracker.tests.budget_cli import data, ledger
from lodestar.modules.usage_tracker.tests.money import limited, spend
from lodestar.paths import Home
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store
from tests.cli.conftest import Cli, cli, home
from tests.fakes.values import reported

__all__ = ["cli", "home", "ledger"]
ENTRY = {"provider": "openai", "model": "m-1", "api_base": "http://127.0.0.1:9/v1"}
SCOPES = [
    ("--daily 0", "raise 0.01"),
    ("--daily 0 --model paid-model", "raise 0.01 --model paid-model"),
    ("--daily 0 --project .", "raise 0.01 --project ."),
    ("--weekly 0 --model paid-model --project .", "raise 0.01 --model paid-model --project ."),
    ("--monthly 0 --tokens --model paid-model", "raise 1k --tokens --model paid-model"),
    ("--ask-above 0.0001", "raise 0.01 --call"),
    ("--ask-above 0.0001 --model paid-model", "raise 0.01 --call --model paid-model"),
]


@pytest.mark.parametrize(("limit", "raised"), SCOPES, ids=[row[0] for row in SCOPES])
def test_the_suggested_raise_opens_the_limit_that_refused(
    cli: Cli, home: Home, ledger: Store, limit: str, raised: str
) -> None:
    paid = {**ENTRY, "billing": "payg", "price_in": 3, "price_out": 15}
    home.config_file.write_text(json.dumps({"models": {"paid-model": paid}}))
    start_session(ledger, home, Session("S1", Path.cwd(), "default", None, os.getpid()))
    assert cli("budget", "set", *limit.split()).code == 0
    with pytest.raises(Refused) as refused:
        spend(ledger, reported(30, 900), limited())
    (command,) = re.findall(r"lodestar (budget .*)", refused.value.remedy)
    assert command == f"budget {raised} --until midnight"
    done = cli(*shlex.split(command))
    assert done.code == 0, done.err
    (row,) = data(cli("budget", "show", "--json"), "budget")
    assert len(row["raises"]) == 1
    spend(ledger, reported(30, 900), limited())


def test_the_suggested_raise_covers_what_was_used_beyond_the_limit(
    cli: Cli, home: Home, ledger: Store
) -> None:
    start_session(ledger, home, Session("S1", Path.cwd(), "default", None, os.getpid()))
    for _ in range(5):
        spend(ledger, reported(30, 900), limited())
    assert cli("budget", "set", "--daily", "0.01").code == 0
    with pytest.raises(Refused) as refused:
        spend(ledger, reported(30, 900), limited())
    short = cli("budget", "raise", "0.02")
    assert "  but day still has no room: $0.068 used" in short.err
    assert cli("budget", "undo").code == 0
    done = cli(*shlex.split(refused.value.remedy)[1:])
    assert "no room" not in done.err
    spend(ledger, reported(30, 900), limited())
