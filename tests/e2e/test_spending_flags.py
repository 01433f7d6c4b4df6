"""`lodestar code --budget` and `--free-only`."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import RENAMED, SOURCE, Machine
from tests.fakes.upstream import Upstream

ANSWER = f"hello.py\n```\n{RENAMED}```\n"
EDIT = ("--yes-always", "hello.py", "--message", "rename hello to greet")


@pytest.fixture
def upstream(machine: Machine):
    """A free `local-coder` and a paid model behind the same server."""
    with Upstream(text=ANSWER) as server:
        entry = {"provider": "openai", "model": "m", "api_base": server.url}
        paid = {"price_in": 3, "price_out": 15, "key_env": "PAID_KEY", "max_output": 2000}
        models = {"local-coder": {**entry, "billing": "free"}, "paid": {**entry, **paid}}
        machine.config(f"models: {json.dumps(models)}\n")
        machine.environ["PAID_KEY"] = "a-key-of-somebody"
        yield server


def keys(upstream: Upstream) -> set[str | None]:
    return {chat.headers.get("Authorization") for chat in upstream.chats}


def test_a_paid_model_named_beside_free_only_is_refused_before_aider_starts(
    machine: Machine, upstream: Upstream
) -> None:
    done = machine.run("code", "--free-only", "--model", "paid", *EDIT)
    assert done.returncode == 2
    assert [line[:6] for line in done.stderr.splitlines()] == ["error:", "why:  ", "do:   "]
    assert "`paid` is a paid model" in done.stderr
    assert not upstream.chats
    assert not machine.processes()


def test_a_free_only_session_works_on_the_free_model(machine: Machine, upstream: Upstream) -> None:
    done = machine.run("code", "--free-only", *EDIT)
    assert done.returncode == 0, done.stderr
    assert machine.text() == RENAMED
    assert keys(upstream) <= {None}
    assert not machine.rows("SELECT * FROM holds")


def test_a_paid_model_answers_within_the_budget_of_the_session(
    machine: Machine, upstream: Upstream
) -> None:
    done = machine.run("code", "--budget", "$0.50", "--model", "paid", *EDIT)
    assert done.returncode == 0, done.stderr
    assert machine.text() == RENAMED
    assert "Bearer a-key-of-somebody" in keys(upstream)
    charged = machine.rows("SELECT sum(cash_nano) AS cash FROM charges")[0]["cash"]
    assert 0 < charged <= 500_000_000
    # What `lodestar budget show` says of it while it runs.
    known = json.loads(machine.rows("SELECT limits FROM sessions")[0]["limits"])
    assert known["session_usd"] == ["0.50", "command line"]


@pytest.mark.parametrize("budget", ["-1", "2,5"])
def test_a_budget_that_is_none_is_refused(
    machine: Machine, upstream: Upstream, budget: str
) -> None:
    done = machine.run("code", "--budget", budget, *EDIT)
    assert done.returncode == 2
    assert "` cannot be used" in done.stderr
    assert machine.text() == SOURCE
