"""Figures as people read them."""

from __future__ import annotations

from lodestar.modules.usage_tracker.reports.sheet import Cell, Kind
from lodestar.money import NANO

NOTHING = "-"
_CENT = NANO // 100
_STEPS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


def cell_text(kind: Kind, cell: Cell) -> str:
    """A cell on a screen; `-` is what is not known."""
    if cell is None:
        return NOTHING
    if isinstance(cell, str):
        return cell
    if kind == "usd":
        return dollars(int(cell))
    if kind == "share":
        return percent(cell)
    if kind == "tokens":
        return compact(int(cell))
    return f"{cell:.1f} s" if kind == "seconds" else f"{cell:,}"


def dollars(nano: int) -> str:
    """`$12.34`, and to 0.01 cent below a cent; what is paid is never shown as nothing.

    Rounded to the nearest; sums are exact where programs read them.
    """
    sign, amount = ("-" if nano < 0 else ""), abs(nano)
    if 0 < amount < _CENT // 2:
        fine = -(-amount // (_CENT // 100))
        return f"{sign}${fine / 10_000:.4f}"
    cents = (amount + _CENT // 2) // _CENT
    return f"{sign}${cents // 100:,}.{cents % 100:02d}"


def percent(share: float) -> str:
    """A share of 1; what is not all is never shown as 100 %, nor what is something as 0 %."""
    whole = round(share * 100)
    if whole == 100 and share < 1:
        return ">99%"
    return "<1%" if whole == 0 and share > 0 else f"{whole}%"


def compact(count: int) -> str:
    """`950`, `12.3k`, `1.2M`."""
    for size, name in _STEPS:
        # What would be rounded up to the next name has that.
        if abs(count) >= size * 0.9995:
            value = count / size
            return f"{value:.1f}{name}" if abs(value) < 99.95 else f"{value:.0f}{name}"
    return str(count)
