"""Who answers behind a model: a server by name, and whether a call there can cost money."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from lodestar.settings import ModelEntry

ENGINE = "engine"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Upstream:
    """A model at a server: what is well or not."""

    server: str
    model: str

    def __str__(self) -> str:
        return f"{self.model} at {self.server}"


def upstream_of(entry: ModelEntry) -> Upstream:
    """The upstream of an entry."""
    return Upstream(server_of(entry), entry.model)


def server_of(entry: ModelEntry) -> str:
    """`engine`, `host:port`, or the provider's name where only litellm knows its address."""
    if entry.provider == "engine":
        return ENGINE
    if entry.api_base is None:
        return entry.model.partition("/")[0] if entry.provider == "litellm" else entry.provider
    return place(entry.api_base)


def place(url: str) -> str:
    """`host:port` of a URL; the port is left out where it is the usual one."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "unknown"
    usual = port in (None, _PORTS.get(parts.scheme))
    # Names of this machine are one: a gateway with paid models is not asked under another.
    host = "127.0.0.1" if host in ("localhost", "::1") else host
    shown = f"[{host}]" if ":" in host else host
    return shown if usual else f"{shown}:{port}"


def paid_servers(entries: Iterable[ModelEntry]) -> frozenset[str]:
    """Servers at which any model costs money: nobody asks them anything by himself."""
    return frozenset(server_of(entry) for entry in entries if entry.paid)
