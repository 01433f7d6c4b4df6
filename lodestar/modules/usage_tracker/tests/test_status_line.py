"""The status line of a session: what its next message costs just now, limits counted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lodestar.modules.usage_tracker.charges import settle
from lodestar.modules.usage_tracker.limits import Policy
from lodestar.modules.usage_tracker.tests.money import a_hold
from tests.fakes import fleet
from tests.fakes.invariants import open_store
from tests.fakes.shim_client import Shim, wait_for
from tests.fakes.upstream import Upstream
from tests.fakes.values import a_request, reported

LARGE = 10**12
CAP = 400


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def shim(upstream: Upstream, isolated_home: Path) -> Iterator[Shim]:
    isolated_home.mkdir(mode=0o700)
    fleet.configure(isolated_home, upstream.url, upstream.url, wait_s=30)
    fleet.set_daily(isolated_home, LARGE)
    with Shim(isolated_home) as started:
        use(started, "paid")
        yield started


def use(shim: Shim, alias: str) -> None:
    """Aider says what it uses."""
    idle = {"events": [{"type": "idle", "id": f"idle {alias}", "model": f"openai/{alias}"}]}
    assert shim.request("POST", "/lodestar/v1/events", idle)[0] == 204


def poll(shim: Shim) -> dict[str, Any]:
    return dict(json.loads(shim.request("GET", "/lodestar/v1/poll?after=0")[2]))


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        ("downgrade", "FREE local-coder, not paid: daily limit"),
        ("ask", "CLOSED paid: daily limit"),
        ("stop", "CLOSED paid: daily limit"),
    ],
)
def test_a_model_that_a_limit_closes_is_not_called_paid(
    shim: Shim, policy: Policy, status: str
) -> None:
    """At once, and paid again as soon as there is room."""
    assert poll(shim)["status"][0] == "PAID paid"
    fleet.set_daily(shim.home, 0, policy)
    assert poll(shim)["status"][0] == status
    use(shim, "local-coder")
    assert poll(shim)["status"][0] == "FREE local-coder"
    use(shim, "paid")
    fleet.set_daily(shim.home, LARGE)
    assert poll(shim)["status"][0] == "PAID paid"


def test_what_counts_is_a_call_like_the_last_one(shim: Shim, upstream: Upstream) -> None:
    """There may be room for a smaller one, which nobody is going to send."""
    assert shim.chat("paid", max_tokens=CAP)[0] == 200
    wait_for(lambda: not shim.rows("SELECT 1 FROM holds WHERE state = 'held'"))
    spent = shim.rows("SELECT sum(cash_nano) AS spent FROM charges")[0]["spent"]
    least = shim.rows("SELECT amount_nano FROM holds")[0]["amount_nano"] - 100 * fleet.PRICE_OUT
    fleet.set_daily(shim.home, spent + least, "downgrade")
    assert poll(shim)["status"][0] == "PAID paid"
    large = [{"role": "user", "content": "word " * 2_000}]
    upstream.clear()
    assert shim.chat("paid", max_tokens=CAP, messages=large)[0] == 200
    assert upstream.chats[0].body["model"] == "f"
    assert poll(shim)["status"][0] == "FREE local-coder, not paid: daily limit"


def test_that_a_call_waits_is_seen_while_it_waits(shim: Shim) -> None:
    with open_store(shim.home) as other:
        hold = a_hold(other, request=a_request(session=None))
        fleet.set_daily(shim.home, hold.amount)
        assert "waits" not in poll(shim)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(shim.chat, "paid", max_tokens=CAP)
            found = wait_for(lambda: poll(shim).get("waits"))
            assert (
                found
                == f"other calls hold the daily limit (${hold.amount / 1e9:.9f}".rstrip("0") + ")"
            )
            assert poll(shim)["status"][1] == f"a request waits: {found}"
            assert not asked.done()
            settle(other, hold, reported(1, 1))
            assert asked.result(30)[0] == 200
    assert "waits" not in poll(shim)


def test_a_free_only_session_and_a_lost_database_are_free(
    upstream: Upstream, isolated_home: Path
) -> None:
    isolated_home.mkdir(mode=0o700)
    fleet.configure(isolated_home, upstream.url, upstream.url)
    with Shim(isolated_home) as shim:
        use(shim, "paid")
        use(shim, "unpriced")
        assert poll(shim)["status"] == ["CLOSED unpriced: its price is not known"]
        use(shim, "paid")
        (isolated_home / "usage.db").rename(isolated_home / "elsewhere.db")
        assert poll(shim)["status"] == ["FREE local-coder, not paid: the database cannot be used"]
        (isolated_home / "elsewhere.db").rename(isolated_home / "usage.db")
    fleet.configure(isolated_home, upstream.url, upstream.url, free_only=True)
    with Shim(isolated_home) as shim:
        use(shim, "paid")
        assert poll(shim)["status"] == ["FREE local-coder, not paid: free only"]


def test_a_database_that_others_keep_to_themselves_keeps_no_news_back(shim: Shim) -> None:
    """A program that does not queue has locked it."""
    assert poll(shim)["status"][:2] == ["PAID paid", "today $0.00/$1000.00"]
    with closing(sqlite3.connect(shim.home / "usage.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert poll(shim)["status"][:2] == ["PAID paid", "today $0.00/$1000.00"]
        other.execute("ROLLBACK")


def test_what_a_session_spent_is_shown_as_soon_as_it_is_charged(shim: Shim) -> None:
    assert shim.chat("paid", headers={"X-Lodestar-Kind": "edit"}, max_tokens=CAP)[0] == 200
    expected = ["PAID paid", "today $0.0002/$1000.00", "session $0.0002", "18 tokens"]
    wait_for(lambda: poll(shim)["status"] == expected)
    use(shim, "local-coder")
    assert shim.chat("local-coder", headers={"X-Lodestar-Kind": "edit"})[0] == 200
    wait_for(lambda: "36 tokens" in poll(shim)["status"])


def test_the_commands_of_the_prompt_are_served_with_the_module(shim: Shim) -> None:
    def run(name: str, argument: str = "") -> tuple[int, Any]:
        body = {"argument": argument, "confirmed": False}
        status, _, answer = shim.request("POST", f"/lodestar/v1/commands/{name}", body)
        return status, json.loads(answer)

    served = json.loads(shim.request("GET", "/lodestar/v1/commands")[2])["commands"]
    assert {"usage", "budget"} <= {command["name"] for command in served}
    assert shim.chat("paid", max_tokens=CAP)[0] == 200
    cash = ["cash", "$0.0002", "$0.0002"]
    wait_for(lambda: cash in [line.split() for line in run("usage")[1]["lines"]])
    assert run("budget")[1]["lines"][0] == "day  [--------------------]   0%  $0.0002 of $1000.00"
    status, refused = run("budget", "set 5")
    assert status >= 400
    assert "/budget takes nothing after it" in refused["error"]["message"]
