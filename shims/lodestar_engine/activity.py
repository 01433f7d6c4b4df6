"""Whether anybody needs the engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Activity:
    """Counts running requests and open leases."""

    def __init__(self) -> None:
        self.requests = 0
        self.leases = 0
        self._since = time.monotonic()

    @contextmanager
    def request(self) -> Iterator[None]:
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1
            self._since = time.monotonic()

    @contextmanager
    def lease(self) -> Iterator[None]:
        self.leases += 1
        try:
            yield
        finally:
            self.leases -= 1
            self._since = time.monotonic()

    def idle_s(self) -> float:
        """Seconds without a request or a lease; 0 while there is one."""
        return 0.0 if self.requests or self.leases else time.monotonic() - self._since
