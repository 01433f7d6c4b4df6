"""Prices and amounts: whole nano-dollars, rounded up, None where unknown."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from lodestar.exchange import Usage
from lodestar.settings import ModelEntry

NANO = 10**9


@dataclass(frozen=True)
class Price:
    """Nano-dollars per input and per output token."""

    input: int
    output: int

    def of(self, input_tokens: int, output_tokens: int) -> int:
        """The price of so many tokens, nano-dollars."""
        return input_tokens * self.input + output_tokens * self.output


def price_of(entry: ModelEntry) -> Price | None:
    """The price of a model, or None where one side of it is unknown."""
    if entry.price_in is None or entry.price_out is None:
        return None
    return Price(_per_token(entry.price_in), _per_token(entry.price_out))


def list_price(price: Price | None, usage: Usage) -> int | None:
    """What the reported tokens cost at the list price; None where either is unknown."""
    if price is None or usage.input is None or usage.output is None:
        return None
    return price.of(usage.input, usage.output)


def dollars(nano: int) -> str:
    """An amount for people: `$0.0123`, rounded up to a hundredth of a cent."""
    units = -(-nano * 10_000 // NANO)
    return f"${units // 10_000}.{units % 10_000:04d}"


def _per_token(usd_per_million: Decimal) -> int:
    # 1 USD per million tokens is 1000 nano-dollars per token.
    return int((usd_per_million * 1000).to_integral_value(ROUND_CEILING))
