"""Above a number of tokens another price holds: it is set aside, and charged where it was so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lodestar.modules.usage_tracker.audit import audit
from lodestar.store.store import Store
from tests.fakes.shim import Answer, Shim, configure, rows
from tests.fakes.upstream import USAGE, Upstream

ABOVE = 4000
SHORT_PRICES = {"price_in": 3, "price_out": 15, "price_cache_read": 0.3, "price_cache_write": 3.75}
LONG_PRICES = {"price_in": 6, "price_out": 22.5, "price_cache_read": 0.6, "price_cache_write": 7.5}
NEWEST = (
    "SELECT h.max_input, h.max_output, h.amount_nano, h.price_in_nano AS held_at, c.cash_nano,"
    " c.usage_source, c.price_in_nano FROM holds h JOIN charges c ON c.hold_id = h.id"
    " ORDER BY h.id DESC LIMIT 1"
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def shim(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shim]:
    root: Path = tmp_path_factory.mktemp("shim")
    model = {"provider": "openai", "api_base": upstream.url, "model": "m", "max_output": 1000}
    paid = {**model, **SHORT_PRICES, "tier": 4}
    models = {
        "known": {**paid, "long_prompt": {"above": ABOVE, **LONG_PRICES}},
        "unknown": {**paid, "long_prompt": {"above": ABOVE}},
        "free": {**model, "billing": "free"},
    }
    configure(root / "home", upstream.url, models=models, main="free", weak="free")
    with Shim(root / "home", root) as started:
        yield started


@pytest.fixture(autouse=True)
def clean(upstream: Upstream) -> Iterator[None]:
    upstream.clear()
    yield
    upstream.usage = USAGE


def ask(shim: Shim, alias: str, most: int) -> Answer:
    """A prompt whose upper bound is exactly so many tokens."""
    messages = [{"role": "user", "content": ""}]
    # Of what is sent every byte may be a token, and 16 + 64 more may be counted.
    body = ["model", alias, "messages", "role", "user", "content", "stream", str(True)]
    rest = most - 16 - 64 - len("".join(body))
    messages[0]["content"] = "x" * rest
    return shim.chat(alias, messages=messages)


def newest(shim: Shim) -> dict[str, Any]:
    (row,) = rows(shim.home, NEWEST)
    return dict(row)


@pytest.mark.parametrize(("most", "price"), [(ABOVE, 3000), (ABOVE + 1, 6000)])
def test_what_may_be_a_long_prompt_is_covered_at_its_price(
    shim: Shim, upstream: Upstream, most: int, price: int
) -> None:
    assert ask(shim, "known", most).status == 200
    row = newest(shim)
    assert (row["max_input"], row["held_at"]) == (most, price)
    dearest = price * 5 // 4
    assert row["amount_nano"] == most * dearest + 1000 * (22_500 if price == 6000 else 15_000)
    # The provider counted a short one.
    assert (row["cash_nano"], row["price_in_nano"]) == (11 * 3000 + 7 * 15_000, 3000)


@pytest.mark.parametrize(
    ("usage", "cash"),
    [
        ({"prompt_tokens": ABOVE}, ABOVE * 3000 + 7 * 15_000),
        ({"prompt_tokens": ABOVE + 1}, (ABOVE + 1) * 6000 + 7 * 22_500),
        # Cached input counts: 3900 of 4001.
        (
            {"prompt_tokens": ABOVE + 1, "prompt_tokens_details": {"cached_tokens": 3900}},
            101 * 6000 + 3900 * 600 + 7 * 22_500,
        ),
        # As Anthropic counts: what is cached is left out of the input.
        (
            {"prompt_tokens": 101, "cache_read_input_tokens": 3900},
            101 * 6000 + 3900 * 600 + 7 * 22_500,
        ),
    ],
)
def test_a_prompt_is_long_by_the_providers_own_count(
    shim: Shim, upstream: Upstream, usage: dict[str, Any], cash: int
) -> None:
    upstream.usage = {"completion_tokens": 7, **usage}
    assert ask(shim, "known", ABOVE + 600).status == 200
    row = newest(shim)
    assert (row["cash_nano"], row["usage_source"]) == (cash, "provider")
    assert row["cash_nano"] <= row["amount_nano"]


def test_where_the_price_of_a_long_prompt_is_not_known_none_is_sent(
    shim: Shim, upstream: Upstream
) -> None:
    assert ask(shim, "unknown", ABOVE).status == 200
    answer = ask(shim, "unknown", ABOVE + 1)
    assert answer.status == 400
    lines = answer.error["message"].strip().splitlines()
    assert lines[0].endswith(
        "its prompt may have 4,001 tokens, and the price of `unknown` holds up to 4,000"
    )
    assert "take files out of the chat: /drop" in lines[1]
    assert len(lines) == 3
    assert len(upstream.chats) == 1


def test_a_long_prompt_that_is_not_reported_costs_what_was_held(
    shim: Shim, upstream: Upstream
) -> None:
    upstream.script("no_usage")
    assert ask(shim, "known", ABOVE + 1).status == 200
    row = newest(shim)
    assert (row["cash_nano"], row["price_in_nano"]) == (row["amount_nano"], 6000)


def test_a_free_model_takes_a_prompt_of_any_length(shim: Shim, upstream: Upstream) -> None:
    assert ask(shim, "free", 50 * ABOVE).status == 200
    assert len(upstream.chats) == 1


def test_the_audit_finds_every_charge_right(shim: Shim) -> None:
    with Store.open(shim.home / "usage.db") as store:
        assert audit(store).findings == ()
