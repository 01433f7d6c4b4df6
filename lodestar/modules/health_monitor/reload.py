"""A model of Ollama that only fails: put into memory again, which costs nothing."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from lodestar.modules.health_monitor import ollama_state
from lodestar.modules.health_monitor.ask import AskError
from lodestar.modules.health_monitor.ollama_state import Seen
from lodestar.modules.health_monitor.servers import Upstream, place
from lodestar.ollama import full_name

AGAIN_S = 300.0
"""Not more often: a model that fails again and again has another reason."""


class Reloader:
    """Remembers what was tried when."""

    def __init__(self) -> None:
        self._tried: dict[Upstream, float] = {}

    def heal(self, upstream: Upstream, seen: Seen) -> tuple[bool, str] | None:
        """Try it: (whether the model is in memory now, what to tell); None where there is no need.

        What is loaded and fails is taken out first, at this machine's own Ollama alone: others
        may be using one elsewhere.
        """
        name, now = full_name(upstream.model), time.monotonic()
        if (
            upstream.server != place(seen.url)
            or now - self._tried.get(upstream, -AGAIN_S) < AGAIN_S
        ):
            return None
        self._tried[upstream] = now
        if name not in seen.names:
            return False, f"Ollama at {seen.url} has no {name}: ollama pull {name}"
        there = name in {one.name for one in seen.loaded}
        if there and not is_here(seen.url):
            return None
        try:
            if there:
                ollama_state.unload(seen.url, upstream.model)
            ollama_state.load(seen.url, upstream.model)
        except AskError as error:
            return False, f"{name} could not be loaded into Ollama again: {error}"
        again = "again" if there else "into memory"
        return True, f"{name} failed, so it was loaded {again} by Ollama at {seen.url}"


def is_here(url: str) -> bool:
    """Whether an address is this machine's own loopback."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def troubled(found: list[Upstream], seen: Mapping[str, Seen]) -> list[tuple[Upstream, Seen]]:
    """Those of the models that fail whose server was just seen."""
    return [(one, seen[one.server]) for one in found if one.server in seen]
