"""What the local aliases stand for in this run: a model of Ollama, or the embedded engine's.

Found out once, at the start of a run, so that what answers and what Aider was told agree.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from lodestar.catalog import Catalog
from lodestar.engine_models import model_file
from lodestar.errors import UsageError
from lodestar.loading import Context
from lodestar.ollama import SMALLEST_DEFAULT, Address, Ollama, OllamaError, address, full_name
from lodestar.paths import Home
from lodestar.settings import ModelEntry, Settings

PATIENCE_S = 0.5
EMBEDDED = "demo"
FREE_PATH = frozenset({"local-coder", "local-llama", "gpt-3.5-turbo"})
"""The built-in local aliases: they must answer, whatever is not there."""
ANSWER = 4096
"""The longest answer that is asked of a model of Ollama, where the context has room for it."""
ROOM_FOR_MAP = 8192
"""A smaller context is needed for the files themselves."""


@dataclass(frozen=True)
class LocalModels:
    """The entries that hold in this run, by alias, and why where the engine stands in.

    `url` is the Ollama that was found, None where there is none.
    """

    url: str | None = None
    entries: Mapping[str, ModelEntry] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    """Models that Ollama lacks."""

    def as_json(self) -> dict[str, Any]:
        """The entries as the shim is handed them."""
        return {alias: entry.model_dump(mode="json") for alias, entry in self.entries.items()}


@dataclass(frozen=True)
class _Found:
    """What an Ollama said in the time that it had."""

    url: str
    tags: Mapping[str, str]
    contexts: Mapping[str, int]


def settled(context: Context, environ: Mapping[str, str] = os.environ) -> Context:
    """The context with the local aliases as they hold in this run, and a warning where needed."""
    local = resolve(context.home, context.settings, context.catalog, environ)
    used = {context.settings.main, context.settings.weak, context.settings.editor}
    news = {why for alias, why in local.reasons.items() if alias in used and why}
    return replace(
        context,
        catalog=context.catalog.replaced(local.entries),
        warnings=(*context.warnings, *sorted(news)),
        local=local,
    )


def handed_over(catalog: Catalog, entries: Mapping[str, Any]) -> Catalog:
    """The catalogue with the entries that a supervisor handed over. Raises UsageError."""
    try:
        return catalog.replaced({a: ModelEntry.model_validate(e) for a, e in entries.items()})
    except ValueError as error:
        what = "the session's local models cannot be read"
        raise UsageError(what, str(error), "start through `lodestar code`") from error


def resolve(
    home: Home,
    settings: Settings,
    catalog: Catalog,
    environ: Mapping[str, str] = os.environ,
    patience_s: float = PATIENCE_S,
) -> LocalModels:
    """Look for the Ollama; takes at most `patience_s`, and next to nothing where none listens.

    Raises UsageError where the address that the user gave is none.
    """
    wanted = {alias: entry for alias, entry in catalog if entry.provider == "ollama"}
    if not wanted:
        return LocalModels()
    place = address(settings.ollama.url, environ)
    names = {full_name(entry.model) for entry in wanted.values() if entry.api_base is None}
    found, problem = _look(place, names, home, patience_s) if place else (None, "")
    stand_in = embedded(home, catalog)
    entries: dict[str, ModelEntry] = {}
    reasons: dict[str, str] = {}
    for alias, entry in wanted.items():
        if entry.api_base is None:
            why = _lacking(entry, place, found, problem)
            if why is not None and alias in FREE_PATH:
                entries[alias] = stand_in
                reasons[alias] = _told(alias, why, stand_in) if why else ""
            else:
                entries[alias] = _served(entry, place, found)
                reasons |= {alias: f"`{alias}` cannot answer: {why}"} if why else {}
    lacked = names - set(found.tags) if found else frozenset()
    return LocalModels(found.url if found else None, entries, reasons, frozenset(lacked))


def embedded(home: Home, catalog: Catalog) -> ModelEntry:
    """The engine's model that stands in for Ollama: the newest imported one, else the demo."""
    imported = []
    for _, entry in catalog:
        file = model_file(home, entry.model) if entry.provider == "engine" else None
        if file:
            imported.append((file.path.stat().st_mtime, entry.model, entry))
    return max(imported, key=lambda item: item[:2])[2] if imported else catalog.get(EMBEDDED)


def remember_context(home: Home, url: str, model: str, context: int) -> None:
    """Note what a loaded model really got: the next run tells Aider before it is loaded."""
    from lodestar.paths import write_private

    noted = _noted(home)
    if noted.get(url, {}).get(full_name(model)) != context:
        noted.setdefault(url, {})[full_name(model)] = context
        write_private(home.folder("run") / "ollama.json", json.dumps(noted, indent=1))


def _noted(home: Home) -> dict[str, dict[str, Any]]:
    try:
        noted = json.loads((home.root / "run" / "ollama.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    valid = isinstance(noted, dict) and all(isinstance(part, dict) for part in noted.values())
    return noted if valid else {}


def _look(
    place: Address, names: Iterable[str], home: Home, patience_s: float
) -> tuple[_Found | None, str]:
    """What the Ollama says within the time, or why it says nothing.

    In a thread that is given up where it hangs: looking up a name has no time limit of its own.
    """
    answer: queue.Queue[_Found | str] = queue.Queue()
    ask = partial(_ask, place.url, frozenset(names), home, time.monotonic() + patience_s)

    def work() -> None:
        try:
            answer.put(ask())
        except OllamaError as error:
            answer.put(str(error))

    threading.Thread(target=work, daemon=True).start()
    try:
        found = answer.get(timeout=patience_s)
    except queue.Empty:
        found = "it does not answer in time"
    return (None, found) if isinstance(found, str) else (found, "")


def _ask(url: str, names: frozenset[str], home: Home, deadline: float) -> _Found:
    """Ask for its models, and for the context of those that matter as long as there is time."""

    def server() -> Ollama:
        return Ollama(url, max(0.05, (deadline - time.monotonic()) * 0.8))

    tags = server().tags()
    noted = _noted(home).get(url, {})
    contexts = {name: int(noted[name]) for name in names if isinstance(noted.get(name), int)}
    try:
        contexts |= {name: size for name, size in server().loaded().items() if size}
        for name in sorted(names & set(tags) - set(contexts)):
            if time.monotonic() < deadline - 0.1:
                own, trained = server().settled_context(name)
                contexts[name] = min(own or SMALLEST_DEFAULT, trained or own or SMALLEST_DEFAULT)
    except OllamaError:
        # It has answered: what it does not say now is taken to be the least.
        return _Found(url, tags, contexts)
    return _Found(url, tags, contexts)


def _lacking(
    entry: ModelEntry, place: Address | None, found: _Found | None, problem: str
) -> str | None:
    """Why Ollama does not serve an entry: None where it does, "" where nobody expects it to."""
    if found and place:
        name = full_name(entry.model)
        if name in found.tags:
            return None
        return f"Ollama at {place.url} does not have {entry.model}: ollama pull {entry.model}"
    if place is None or not place.configured:
        return ""
    return f"Ollama at {place.url} ({place.origin}): {problem}"


def _told(alias: str, why: str, stand_in: ModelEntry) -> str:
    return f"`{alias}` is {stand_in.label or stand_in.model} on the embedded engine, because {why}"


def _served(entry: ModelEntry, place: Address | None, found: _Found | None) -> ModelEntry:
    """The entry at its address, with the context that it really gets there."""
    known = found.contexts.get(full_name(entry.model)) if found else None
    window = known or entry.context or SMALLEST_DEFAULT
    aider = entry.aider
    if window < ROOM_FOR_MAP and "use_repo_map" not in aider:
        aider = {**aider, "use_repo_map": False}
    url = place.url if place else "http://127.0.0.1:11434"
    update = {
        "api_base": f"{url}/v1",
        "context": window,
        "max_output": min(entry.max_output or ANSWER, window // 2),
        "label": entry.label or f"{entry.model}, Ollama",
        "aider": aider,
    }
    return entry.model_copy(update=update)
