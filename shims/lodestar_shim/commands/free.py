"""`/free`: back to a model that costs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lodestar.control import Asked, Reply, SlashCommand
from lodestar.errors import LodestarError
from lodestar.exchange import Route
from lodestar.routing import LOCAL
from lodestar.settings import Settings
from lodestar_shim.services import Services
from lodestar_shim.status import Status, shown_name


def commands(services: Services, status: Status) -> Sequence[SlashCommand]:
    """The command of this file."""
    return (SlashCommand("free", "Go on with the free model", _Free(services).run),)


@dataclass(frozen=True)
class _Free:
    services: Services

    def run(self, asked: Asked) -> Reply:
        """Switch to the profile's free model."""
        route = next(self._candidates(asked.settings), None)
        if route is None:
            raise LodestarError(
                "there is no free model",
                "every one of the catalogue costs money",
                "lodestar models",
            )
        name = f"{shown_name(route)}: FREE"
        if asked.route is not None and asked.route.alias == route.alias:
            return Reply([f"it is {name} already"])
        return Reply([f"from now on {name}"], effect={"model": route.alias})

    def _candidates(self, settings: Settings) -> Iterator[Route]:
        """The profile's own first; those whose failure makes a paid one answer come last."""
        catalog = self.services.catalog
        names = (settings.main, LOCAL, *(alias for alias, _ in catalog))
        known = [name for name in dict.fromkeys(names) if name in catalog]
        free = [n for n in known if not catalog.get(n).paid]
        sure = [n for n in free if not any(e.paid for e in catalog.reached(n, settings))]
        for name in [*sure, *free]:
            yield Route(name, catalog.get(name), "free model")
