"""Money as Lodestar keeps it, integer nano-dollars, in words."""

from __future__ import annotations

NANO = 1_000_000_000
"""Nano-dollars in a dollar."""
FINEST = NANO // 10_000
"""0.01 cent: what is finer is not shown to people."""


def plain_dollars(nano: int) -> str:
    """An exact amount without superfluous zeros, two decimals at least: `2.00`, `0.0125`."""
    whole, rest = divmod(nano, NANO)
    digits = f"{rest:09d}".rstrip("0")
    return f"{whole}.{digits:0<2}"


def dollars_text(nano: int, up: bool = True) -> str:
    """`$2.00`, `$0.0125`; what is finer than 0.01 cent is rounded up, or down."""
    fine = -(-abs(nano) // FINEST) if up == (nano >= 0) else abs(nano) // FINEST
    return f"{'-' if nano < 0 else ''}${plain_dollars(fine * FINEST)}"
