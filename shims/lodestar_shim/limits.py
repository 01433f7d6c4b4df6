"""How much, how long and how many: what neither client nor upstream may go beyond."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The caps of one shim. Times are seconds, sizes bytes."""

    ask_s: float = 10
    """From connecting, or from the last answer, to the end of the next request's headers."""
    body_s: float = 30
    """From the end of the headers to the end of the body."""
    linger_s: float = 2
    """How long a refused request's body is still read, so that its client sees the answer."""
    unread_s: float = 300
    """How long an answer may wait for a client that doesn't read."""
    head: int = 32 << 10
    """The first request's line and headers: what anybody may send."""
    silent: int = 128
    """Connections that have not asked for anything yet; beyond it the oldest is closed."""
    body: int = 8 << 20

    connect_s: float = 10
    # Aider stops waiting after 600 s and asks again, nine times: the shim must give up earlier.
    first_s: float = 570
    """From sending a request to the first event of its answer, or to its end where it is JSON."""
    stall_s: float = 570
    """Silence inside an answer."""
    tail_s: float = 1
    """From [DONE] to the end of the stream, for which no client need wait."""
    drain_s: float = 10
    """From a client's hang-up to the end of a paid answer, which is read for its usage."""
    leave_s: float = 5
    """From the wish to leave to the end of every answer."""
    tick_s: float = 60
    """The modules are asked for news this often, besides after each exchange."""
    upkeep_s: float = 10
    """From the start to the first upkeep of the database, the day's backup among it."""


DEFAULT = Limits()
