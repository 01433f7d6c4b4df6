"""Trying an upstream again: for what passes by itself, after a pause, and never for long."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from lodestar.clock import now_ms
from lodestar.exchange import Route
from lodestar_shim.upstream import UNREACHABLE, UpstreamError

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""Statuses of an upstream that may answer a moment later."""
# A broken model file, or an adapter that does not fit, is the same a moment later.
LASTING = frozenset(
    {"model_not_found", "bad_model_file", "checksum_mismatch", "insufficient_quota"}
)
# Said inside a stream that has not begun; Anthropic's words among them.
_OVERLOADED = re.compile(r"overloaded|over capacity|temporarily unavailable|try again", re.I)
# The provider is well: it says that this one request is wrong.
_REQUEST_AT_FAULT = frozenset({400, 404, 413, 422})
FIRST_S, MOST_S = 0.5, 8.0
LONGEST_WISH_S = 10.0
"""An upstream that wants to be left alone for longer is left; the next one is asked."""


class Retries:
    """How often each upstream of this shim is tried; it knows whose last call failed."""

    def __init__(self, retries: int, jitter: Callable[[float, float], float] | None = None) -> None:
        self._retries = retries
        # S311: nothing is kept secret by it; it keeps clients from coming back all at once.
        self._jitter = jitter or random.uniform
        self._failing: set[str] = set()

    def tries(self, route: Route) -> int:
        """How often it may be asked: once where its last call failed."""
        return 1 if route.alias in self._failing else 1 + self._retries

    def note(self, route: Route, error: UpstreamError | None) -> None:
        """How the last call ended."""
        if error is None:
            self._failing.discard(route.alias)
        elif error.status not in _REQUEST_AT_FAULT:
            self._failing.add(route.alias)

    def pause(self, error: UpstreamError, number: int) -> float | None:
        """Seconds to wait after try `number`; None where another one would be of no use."""
        if not passes(error):
            return None
        wished = wish(error.retry_after)
        if wished > LONGEST_WISH_S:
            return None
        most = min(MOST_S, FIRST_S * 2 ** (number - 1))
        return max(wished, self._jitter(most / 2, most))


def passes(error: UpstreamError) -> bool:
    """Whether the same call may work a moment later."""
    if isinstance(error.code, str) and error.code in LASTING:
        return False
    if error.status is None:
        return error.code == UNREACHABLE
    if error.status == 200:
        return _OVERLOADED.search(str(error)) is not None
    return error.status in PASSING


def wish(text: str | None) -> float:
    """Seconds that a Retry-After asks for, as a number or a date; 0 where it says neither."""
    if not text:
        return 0.0
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text.strip()):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_ms() / 1000)
    except (ValueError, TypeError, OverflowError):
        return 0.0
