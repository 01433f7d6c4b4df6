"""Prices and amounts: whole nano-dollars, rounded up, None where unknown."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from lodestar.exchange import Usage
from lodestar.money import NANO
from lodestar.settings import LongPrompt, ModelEntry

CACHE_WRITE = Decimal("1.25")


@dataclass(frozen=True)
class Price:
    """Nano-dollars per token; cached input is priced as fresh where it has no price of its own.

    `source`, `version` and `date` say where the price is from, for the charge.
    """

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    source: str | None = None
    version: str | None = None
    date: str | None = None

    def of(
        self, input_tokens: int, output_tokens: int, cache_read: int = 0, cache_write: int = 0
    ) -> int:
        """The price of so many tokens, nano-dollars; the input includes the cached ones."""
        read = min(cache_read, input_tokens)
        written = min(cache_write, input_tokens - read)
        return (
            (input_tokens - read - written) * self.input
            + read * (self.input if self.cache_read is None else self.cache_read)
            + written * (self.input if self.cache_write is None else self.cache_write)
            + output_tokens * self.output
        )

    @property
    def dearest_input(self) -> int:
        """What an input token costs at most."""
        return max(self.input, self.cache_read or 0, self.cache_write or 0)

    def worst(self, input_tokens: int, output_tokens: int) -> int:
        """No call of so many tokens costs more, nano-dollars."""
        return input_tokens * self.dearest_input + output_tokens * self.output


def price_of(entry: ModelEntry, input_tokens: int = 0) -> Price | None:
    """The price of a call with so much input, or None where one side of it is unknown."""
    long = entry.long_prompt
    named = long if long and input_tokens > long.above else entry
    if named.price_in is None or named.price_out is None:
        return None
    numbers = (named.price_in, named.price_out, named.price_cache_read, named.price_cache_write)
    return Price(
        _per_token(named.price_in),
        _per_token(named.price_out),
        None if named.price_cache_read is None else _per_token(named.price_cache_read),
        _per_token(_cache_write(named, named.price_in)),
        entry.price_source or "config.yaml",
        hashlib.sha256(repr(numbers).encode()).hexdigest()[:12],
        entry.price_date,
    )


def _cache_write(entry: ModelEntry | LongPrompt, price_in: Decimal) -> Decimal:
    # Who charges for writing to a cache takes a quarter more than for fresh input (Anthropic, for
    # five minutes): too low a guess would pass a limit.
    known = entry.price_cache_write
    return price_in * CACHE_WRITE if known is None else known


def list_price(price: Price | None, usage: Usage) -> int | None:
    """What the reported tokens cost at the list price; None where either is unknown."""
    if price is None or usage.input is None or usage.output is None:
        return None
    return price.of(usage.input, usage.output, usage.cache_read or 0, usage.cache_write or 0)


def dollars(nano: int) -> str:
    """An amount for people: `$0.0123`, rounded up to a hundredth of a cent."""
    units = -(-abs(nano) * 10_000 // NANO)
    return f"{'-' if nano < 0 else ''}${units // 10_000}.{units % 10_000:04d}"


def _per_token(usd_per_million: Decimal) -> int:
    # 1 USD per million tokens is 1000 nano-dollars per token.
    return int((usd_per_million * 1000).to_integral_value(ROUND_CEILING))
