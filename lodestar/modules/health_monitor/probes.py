"""Which servers are asked how they are without anybody's request: those that cost nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from lodestar.catalog import Catalog
from lodestar.clock import now_ms
from lodestar.errors import UsageError
from lodestar.modules.health_monitor import ollama_state
from lodestar.modules.health_monitor.ask import AskError, ask
from lodestar.modules.health_monitor.ollama_state import Seen
from lodestar.modules.health_monitor.samples import Probe
from lodestar.modules.health_monitor.servers import paid_servers, place, server_of
from lodestar.ollama import Address, address
from lodestar.paths import builtin_profiles
from lodestar.settings import ModelEntry, Settings

TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Target:
    """A server to ask. `expected` is False where nobody said that there is one."""

    server: str
    kind: Literal["ollama", "openai"]
    url: str
    expected: bool = True


def targets(
    settings: Settings, seen: Mapping[str, ModelEntry], environ: Mapping[str, str] = os.environ
) -> list[Target]:
    """The free servers behind the models in use, `seen` ones and the profile's; never a paid one.

    A server at which a single model costs money counts as paid.
    """
    entries = {**dict(Catalog.load(settings, builtin_profiles())), **seen}
    used = [entries[alias] for alias in _used(settings, entries, seen)]
    closed = paid_servers(entries.values())
    found = {}
    ollama = ollama_address(settings, environ)
    if ollama and (ollama.configured or any(entry.provider == "ollama" for entry in used)):
        server = place(ollama.url)
        found[server] = Target(server, "ollama", ollama.url, ollama.configured)
    for entry in used:
        if entry.provider == "openai" and entry.api_base and not entry.paid:
            url = f"{entry.api_base.rstrip('/')}/models"
            found.setdefault(server_of(entry), Target(server_of(entry), "openai", url))
    return [target for server, target in found.items() if server not in closed]


def ollama_address(settings: Settings, environ: Mapping[str, str] = os.environ) -> Address | None:
    """Where an Ollama is looked for; None where it is switched off, or the address is none."""
    try:
        return address(settings.ollama.url, environ)
    except UsageError:
        return None


def probe(target: Target, timeout_s: float = TIMEOUT_S) -> tuple[Probe | None, Seen | None]:
    """Ask one server: the sample, None where nobody is missed, and what an Ollama said."""
    began, seen, problem = now_ms(), None, None
    try:
        if target.kind == "ollama":
            seen = ollama_state.look(target.url, timeout_s)
        else:
            problem = _status_problem(*ask(target.url, timeout_s))
    except AskError as error:
        problem = str(error)
    if problem and not target.expected:
        return None, None
    moment = now_ms()
    return Probe(
        target.server, target.kind, problem is None, moment, max(0, moment - began), problem
    ), seen


def _status_problem(status: int, _: bytes) -> str | None:
    # No key is sent: a no to that is an answer, too.
    return f"HTTP {status}" if status >= 500 else None


def _used(
    settings: Settings, entries: Mapping[str, ModelEntry], seen: Iterable[str]
) -> Iterator[str]:
    waiting = [settings.main, settings.weak, *seen, *settings.routing.auto]
    waiting += [settings.editor] if settings.editor else []
    done: set[str] = set()
    while waiting:
        alias = waiting.pop(0)
        if alias in done or alias not in entries:
            continue
        done.add(alias)
        waiting += entries[alias].fallbacks
        yield alias
