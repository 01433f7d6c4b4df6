"""Which upstream an alias stands for, by the configuration alone."""

from __future__ import annotations

from lodestar.catalog import Catalog
from lodestar.modules.health_monitor.probes import ollama_address
from lodestar.modules.health_monitor.servers import Upstream, place, upstream_of
from lodestar.paths import builtin_profiles
from lodestar.settings import Settings


def upstreams(settings: Settings) -> dict[str, Upstream]:
    """By alias. What an alias of Ollama really was in a run may differ: the model says so."""
    found = {}
    ollama = ollama_address(settings)
    for alias, entry in Catalog.load(settings, builtin_profiles()):
        found[alias] = upstream_of(entry)
        if entry.provider == "ollama" and entry.api_base is None and ollama:
            found[alias] = Upstream(place(ollama.url), entry.model)
    return found
