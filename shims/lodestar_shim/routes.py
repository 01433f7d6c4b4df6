"""Where a request may be answered, in order."""

from __future__ import annotations

from collections.abc import Sequence

from lodestar.catalog import WEAK, Catalog
from lodestar.errors import UsageError
from lodestar.exchange import Request, Route
from lodestar.plugins import Plugins
from lodestar.settings import Settings
from lodestar.store.store import Store
from lodestar_shim.errors import ShimError, for_user

FREE_FALLBACK = "local-coder"
SHORT = ("commit_message", "summary")
"""Kinds that are never refused for money: the free model answers them instead."""


def choose_routes(
    request: Request, catalog: Catalog, settings: Settings, plugins: Plugins, store: Store
) -> Sequence[Route]:
    """The routes of a request. Raises ShimError where its model is not in the catalogue."""
    try:
        entry = catalog.get(request.alias)
    except UsageError as error:
        raise ShimError(for_user(error.what, error.why, error.do), "model_not_found") from error
    alias = catalog.plain(request.alias)
    weak = request.alias.endswith(WEAK)
    routes = [Route(alias, entry, "weak model of the profile" if weak else "you asked")]
    free = free_route(catalog)
    if (weak or request.kind in SHORT) and entry.paid and free:
        routes.append(free)
    ordered = plugins.filter(
        "order_routes", "routes", request=request, routes=routes, store=store, settings=settings
    )
    kept = [r for r in ordered if r in routes] if isinstance(ordered, Sequence) else []
    return kept or routes


def free_route(catalog: Catalog) -> Route | None:
    """Where a request is answered that may cost nothing; None where there is no such model."""
    if FREE_FALLBACK not in catalog or (entry := catalog.get(FREE_FALLBACK)).paid:
        return None
    return Route(FREE_FALLBACK, entry, "free fallback")
