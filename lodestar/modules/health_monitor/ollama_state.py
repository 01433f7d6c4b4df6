"""What an Ollama has and holds in memory, as it says itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lodestar.modules.health_monitor.ask import AskError, ask, ask_json
from lodestar.ollama import full_name

TIMEOUT_S = 3.0
LOAD_S = 180.0
"""Reading a large model from a disk takes its time."""


@dataclass(frozen=True)
class Loaded:
    """A model in memory. Sizes are bytes; `context` is 0 where it does not say."""

    name: str
    size: int
    vram: int
    context: int
    until: str

    def line(self) -> str:
        """In words."""
        share = f"{min(100, self.vram * 100 // self.size)} % of it in VRAM" if self.size else ""
        parts = [f"{self.size / 1e9:.1f} GB", share]
        parts += [f"context {self.context}"] if self.context else []
        return f"{self.name}: {', '.join(filter(None, parts))}"


@dataclass(frozen=True)
class Seen:
    """One look at a server."""

    url: str
    names: frozenset[str]
    loaded: tuple[Loaded, ...]


def look(url: str, timeout_s: float = TIMEOUT_S) -> Seen:
    """Its models, and those in memory. Raises AskError."""
    tags = frozenset(name for name, _ in _models(ask_json(f"{url}/api/tags", timeout_s)))
    running = _models(ask_json(f"{url}/api/ps", timeout_s))
    return Seen(url, tags, tuple(_loaded(name, model) for name, model in running))


def load(url: str, model: str, timeout_s: float = LOAD_S) -> None:
    """Have a model in memory; it costs nothing and answers nothing. Raises AskError."""
    _check(ask(f"{url}/api/generate", timeout_s, {"model": model, "stream": False}))


def unload(url: str, model: str, timeout_s: float = LOAD_S) -> None:
    """Take it out of memory, once it is done with what it is doing. Raises AskError."""
    body = {"model": model, "keep_alive": 0, "stream": False}
    _check(ask(f"{url}/api/generate", timeout_s, body))


def _check(answer: tuple[int, bytes]) -> None:
    if answer[0] != 200:
        raise AskError(f"it answers with HTTP {answer[0]}")


def _models(said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    listed = said.get("models")
    for model in listed if isinstance(listed, list) else ():
        if isinstance(model, dict):
            yield full_name(str(model.get("model") or model.get("name") or "")), model


def _loaded(name: str, model: dict[str, Any]) -> Loaded:
    until = model.get("expires_at")
    return Loaded(
        name=name,
        size=_count(model.get("size")),
        vram=_count(model.get("size_vram")),
        context=_count(model.get("context_length")),
        until=until if isinstance(until, str) else "",
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
