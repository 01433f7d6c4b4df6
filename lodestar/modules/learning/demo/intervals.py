"""Wilson intervals for counted results."""

from math import sqrt

_Z95 = 1.959964


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a rate of `right` out of `total`; (0, 1) when nothing was counted."""
    if total == 0:
        return 0.0, 1.0
    rate, square = right / total, _Z95**2 / total
    middle = (rate + square / 2) / (1 + square)
    half = _Z95 / (1 + square) * sqrt(rate * (1 - rate) / total + square / (4 * total))
    return max(0.0, middle - half), min(1.0, middle + half)
