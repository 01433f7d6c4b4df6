"""The upstream without anything in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.gateways.measure import Address, Tree
from tests.bench.gateways.targets import Running


class Direct:
    """What everything else is compared with."""

    name = "direct"
    label = "direct (absolute, not added)"
    slow = False

    def version(self) -> str:
        """The fake upstream has none."""
        return "fake upstream in C"

    @contextmanager
    def running(self, upstream: int, folder: Path) -> Iterator[Running]:
        """The upstream runs already."""
        yield Running(Address(upstream), Tree(0))
