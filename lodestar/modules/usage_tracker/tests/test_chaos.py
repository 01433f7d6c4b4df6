"""The real shim on a provider that fails in every way and writes down what it billed."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.chaos import Chaos
from tests.fakes.shim_client import Shim, config, wait_for

LIMITS = {"first_s": 5, "stall_s": 0.5, "tail_s": 0.2}
CAP = 300
ENDINGS = [
    ("good", "provider", "provider"),
    ("dupusage", "provider", "provider"),
    ("hidden", "provider", "provider"),
    ("nousage", "estimated", "worst_case"),
    ("strusage", "worst_case", "worst_case"),
    ("negusage", "worst_case", "worst_case"),
    ("hugeusage", "worst_case", "worst_case"),
    ("zerousage", "worst_case", "worst_case"),
    ("cut", "worst_case", "worst_case"),
    ("rst", "worst_case", "worst_case"),
    ("halfclose", "worst_case", "worst_case"),
    ("stall", "worst_case", "worst_case"),
    ("cl_short", "worst_case", "worst_case"),
    ("html", "worst_case", "worst_case"),
    ("500", "worst_case", "worst_case"),
    ("503", "worst_case", "worst_case"),
    ("408", "worst_case", "worst_case"),
    ("400", None, None),
    ("401", None, None),
    ("404", None, None),
    ("429", None, None),
    # In one piece there is nothing to stop: what it reports is charged.
    ("overrun", "worst_case", "provider"),
]
"""How each mode is charged: streamed by a model that hides nothing, and in one piece."""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    with Chaos(tmp_path_factory.mktemp("chaos"), "--most", "200") as chaos:
        yield chaos


@pytest.fixture(scope="module")
def shim(provider: Chaos, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shim]:
    home: Path = tmp_path_factory.mktemp("home")
    paid = {"provider": "openai", "billing": "payg", "price_in": 3, "price_out": 15, "tier": 3}
    free = {"provider": "openai", "billing": "free", "model": "f", "api_base": provider.url}
    models = {
        "free": free,
        "open": {**paid, "model": "gpt-4o", "api_base": provider.url},
        "gone": {**paid, "model": "gpt-4o", "api_base": "http://127.0.0.1:9/v1"},
    }
    once = "routing: {retries: 0}"
    config(home, f"main: free\nweak: free\n{once}\nmodels: {json.dumps(models)}\n")
    with Shim(home, env={"LODESTAR_HOME": str(home)}, limits=LIMITS) as running:
        yield running


def _ask(shim: Shim, mode: str, stream: bool, model: str = "open") -> None:
    """One request, however it ends."""
    messages = [{"role": "user", "content": f"[[{mode}]] and some words to bill"}]
    body = {"max_tokens": CAP, "messages": messages, "stream": stream}
    with contextlib.suppress(http.client.HTTPException, ConnectionError):
        shim.chat(model, **body)


def _settled(shim: Shim, count: int) -> list[dict[str, Any]]:
    """The newest holds with their charges, once none is open."""
    shim.wait_row("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM holds WHERE state = 'held')")
    shim.wait_row("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM exchanges WHERE status = 'open')")
    sql = (
        "SELECT h.state, h.amount_nano, h.max_output, c.cash_nano, c.usage_source, c.attempt_id"
        " FROM holds h LEFT JOIN charges c ON c.hold_id = h.id ORDER BY h.id DESC LIMIT ?"
    )
    return shim.rows(sql, count)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("mode", "streamed", "whole"), ENDINGS, ids=[row[0] for row in ENDINGS])
def test_every_ending_is_charged_at_least_what_it_cost(
    shim: Shim, provider: Chaos, mode: str, streamed: str | None, whole: str | None, stream: bool
) -> None:
    before = len(provider.truth())
    _ask(shim, mode, stream)
    (row,) = _settled(shim, 1)
    expected = streamed if stream else whole
    assert row["usage_source"] == expected
    if expected is None:
        assert (row["state"], len(provider.truth())) == ("voided", before)
        return
    (truth,) = provider.truth()[before:]
    assert truth["mode"] == mode
    assert (row["state"], row["attempt_id"]) == ("posted", truth["id"])
    assert row["cash_nano"] >= truth["usd_nano"]
    if expected == "provider":
        assert row["cash_nano"] == truth["usd_nano"]
    elif mode != "overrun":
        assert row["cash_nano"] <= row["amount_nano"]


def test_a_provider_that_cannot_be_reached_costs_nothing(shim: Shim) -> None:
    _ask(shim, "good", True, "gone")
    (row,) = _settled(shim, 1)
    assert (row["state"], row["cash_nano"]) == ("voided", None)


def test_overruns_are_cut_off_and_bounded_by_how_many_run_at_once(
    shim: Shim, provider: Chaos
) -> None:
    at_once = 4
    before, gone = len(provider.truth()), len(provider.events("gone"))
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda _: _ask(shim, "overrun", True), range(at_once)))
    rows = _settled(shim, at_once)
    truth = {line["id"]: line["usd_nano"] for line in provider.truth()[before:]}
    assert {row["attempt_id"] for row in rows} == set(truth)
    for row in rows:
        assert row["max_output"] == CAP
        assert row["cash_nano"] > row["amount_nano"]
        assert row["cash_nano"] >= truth[row["attempt_id"]]
    wait_for(lambda: len(provider.events("gone")) == gone + at_once)
    errors = shim.rows("SELECT error FROM attempts ORDER BY id DESC LIMIT ?", at_once)
    assert {row["error"] for row in errors} == {"a limit stopped the answer"}
    assert "cost more than its worst case" in (shim.home / "logs" / "shim.log").read_text("utf-8")


def test_a_random_storm_leaves_a_ledger_of_at_least_the_truth(shim: Shim, tmp_path: Path) -> None:
    options = ("--mode", "random", "--seed", "11", "--most", "200")
    paid = {"provider": "openai", "billing": "payg", "price_in": 3, "price_out": 15, "tier": 3}
    home = tmp_path / "home"
    with Chaos(tmp_path, *options) as chaos:
        entry = {**paid, "model": "gpt-4o", "api_base": chaos.url}
        config(home, f"main: open\nweak: open\nmodels: {json.dumps({'open': entry})}\n")
        with Shim(home, env={"LODESTAR_HOME": str(home)}, limits={**LIMITS, "drain_s": 0.5}) as own:

            def ask(number: int) -> None:
                _ask(own, "random", number % 2 == 0)

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(ask, range(64)))
            _settled(own, 1)
            charged = own.rows("SELECT attempt_id, cash_nano FROM charges WHERE cash_nano > 0")
        truth = {line["id"]: line["usd_nano"] for line in chaos.truth()}
    found = {row["attempt_id"]: row["cash_nano"] for row in charged}
    assert set(truth) <= set(found)
    assert not {id for id, cash in truth.items() if found[id] < cash}
    assert len(truth) > 30
