"""Prices are whole nano-dollars."""

from __future__ import annotations

import pytest

from lodestar.exchange import Usage
from lodestar.modules.usage_tracker.prices import Price, dollars, list_price, price_of
from tests.fakes.values import a_route


def test_a_price_of_three_decimals_per_million_is_exact_per_token() -> None:
    price = price_of(a_route(price_in="0.075", price_out="15").entry)
    assert price
    assert (price.input, price.output, price.source) == (75, 15_000, "config.yaml")
    assert price.of(1_000_000, 1_000_000) == 75_000_000 + 15_000_000_000


@pytest.mark.parametrize("known", [{}, {"price_in": "1"}, {"price_out": "1"}])
def test_a_price_with_a_side_missing_is_unknown_and_not_zero(known: dict[str, str]) -> None:
    assert price_of(a_route(**known).entry) is None


def test_a_list_price_is_unknown_where_the_tokens_are() -> None:
    assert list_price(Price(1, 1), Usage(input=5)) is None
    assert list_price(None, Usage(5, 5)) is None
    assert list_price(Price(2, 3), Usage(5, 7)) == 31


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "$0.0000"), (1, "$0.0001"), (100_000, "$0.0001"), (100_001, "$0.0002"),
     (12_345_678_900, "$12.3457")],
)  # fmt: skip
def test_an_amount_is_shown_rounded_up(nano: int, text: str) -> None:
    assert dollars(nano) == text


def test_cached_input_has_its_own_price_where_one_is_known() -> None:
    price = Price(10, 50, cache_read=1, cache_write=12)
    assert price.of(100, 2, cache_read=60, cache_write=30) == 10 * 10 + 60 + 30 * 12 + 100
    assert Price(10, 50).of(100, 2, cache_read=60, cache_write=30) == 1_100
    assert price.worst(100, 2) == 100 * 12 + 100


def test_more_cached_tokens_than_input_are_no_negative_price() -> None:
    price = Price(10, 50, cache_read=1, cache_write=12)
    assert price.of(100, 0, cache_read=500, cache_write=500) == 100


def test_another_price_is_another_version() -> None:
    one, two = (price_of(a_route(price_in=p, price_out="2").entry) for p in ("1", "1.5"))
    assert one
    assert two
    assert one.version != two.version
