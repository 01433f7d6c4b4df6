"""Who asked, and whether anybody still waits for the answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lodestar.exchange import Request
from lodestar_shim.client import Client
from lodestar_shim.tee import Tee


@dataclass
class Asker:
    """The client of one exchange."""

    client: Client
    request: Request
    began: float
    """When its request was read, by perf_counter."""
    gone: bool = False
    """It hung up; what still comes is read for its usage only."""
    billed: bool = False
    """The request is on its way to a paid upstream, which reports at the end what it costs."""
    tee: Tee | None = None
    """What reads the answer that is on its way."""
    content: bool = False
    """It hung up once it had the whole answer; only the bill was still to come."""

    def leave(self, exchange: asyncio.Task[None], drain_s: float) -> None:
        """The client hung up: end its exchange, at once or when its bill should have come."""
        self.gone = True
        self.content = self.tee is not None and self.tee.complete
        if not self.billed:
            exchange.cancel()
        elif not exchange.done():
            timer = asyncio.get_running_loop().call_later(drain_s, exchange.cancel)
            exchange.add_done_callback(lambda _: timer.cancel())
