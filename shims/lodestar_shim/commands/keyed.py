"""Whether a model that takes a key has one, for commands, which run in a worker thread."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lodestar.exchange import Route
from lodestar.secrets.accounts import takes_key
from lodestar_shim.services import Services

PATIENCE_S = 10.0
"""A keyring may ask its owner something, who may be away."""


@dataclass(frozen=True)
class Keyed:
    """Asks for keys on the loop that they belong to."""

    services: Services
    loop: asyncio.AbstractEventLoop

    @classmethod
    def here(cls, services: Services) -> Keyed:
        """On the running loop."""
        return cls(services, asyncio.get_running_loop())

    def has_key(self, route: Route) -> bool:
        """Whether the model can be asked: it has its key, or takes none. Raises TimeoutError."""
        keys = self.services.keys
        if not takes_key(route.entry) or keys.knows(route):
            return True
        found = asyncio.run_coroutine_threadsafe(keys.look(route), self.loop)
        return isinstance(found.result(PATIENCE_S), str)
