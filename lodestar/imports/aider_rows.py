"""What Aider's files say of a call, as rows of the log. All of it is an estimate."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lodestar.catalog import Catalog
from lodestar.imports.bundle import Bundle, Item
from lodestar.imports.said import Run, Said
from lodestar.imports.stable import stable_id
from lodestar.imports.twins import twin
from lodestar.store.exchanges import Message

PROFILE = "imported"
REASON = "imported: as Aider wrote it down"
NO_PRICE = "imported: no cost was written down"
_LOCAL = ("ollama/", "ollama_chat/", "lm_studio/", "llamafile/")
_NOT_KNOWN = 0
"""The tier of a model that the catalogue does not have."""

Clean = Callable[[str], "str | None"]
"""A text as it may be stored; None where no text is kept."""


@dataclass(frozen=True)
class Served:
    """Which model it was, as far as the catalogue knows it."""

    alias: str
    provider: str
    tier: int
    billing: str


@dataclass(frozen=True)
class Place:
    """Where the rows belong, and what makes names and texts fit to be stored."""

    root: Path
    machine: str
    catalog: Catalog
    clean: Clean


def item(place: Place, said: Said) -> Item:
    """One call, ready to be looked at."""
    return Item(
        said.line,
        stable_id(said.run.named_ms, said.run.format, said.run.key, said.number, said.raw),
        session_id(place, said.run),
        said.at_ms,
        said.input,
        said.output,
        said.cost_nano,
        partial(bundle, place, said),
        served(place.catalog, said).billing == "payg",
        partial(twin, said, session_id(place, said.run)),
    )


def session_id(place: Place, run: Run) -> str:
    """Of one start of Aider in one folder."""
    return stable_id(run.named_ms, "session", run.format, run.key, place.root, place.machine)


def served(catalog: Catalog, said: Said) -> Served:
    """The model by the catalogue's name for it, else by Aider's."""
    name = said.model
    for alias, entry in catalog:
        if alias == catalog.plain(name) or name in (entry.model, f"{entry.provider}/{entry.model}"):
            billing = "payg" if said.cost_nano else entry.billing
            return Served(alias, entry.provider, entry.tier, billing)
    provider = name.partition("/")[0] if "/" in name else "unknown"
    free = name.startswith(_LOCAL) and not said.cost_nano
    return Served(name, provider, 1 if free else _NOT_KNOWN, "local" if free else "payg")


def bundle(place: Place, said: Said) -> Bundle:
    """Its rows."""
    known, model = item(place, said), served(place.catalog, said)
    common = {
        "input_tokens": said.input,
        "output_tokens": said.output,
        "usage_source": "estimated",
    }
    cached = {
        "cache_read_tokens": min(said.cache_read, said.input),
        "cache_write_tokens": min(said.cache_write, said.input),
    }
    return Bundle(
        str(place.root),
        _session(place, said, known),
        {**_exchange(said, known, model), **common, **cached},
        _message(place, "user", said.prompt),
        _message(place, "assistant", said.answer),
        [{**_attempt(said, known, model), **common}],
        [("signals", row) for row in _signals(place, said, known)],
        [("charges", {**_charge(said, known, model), **common, **cached})],
    )


def _session(place: Place, said: Said, known: Item) -> Mapping[str, Any]:
    return {
        "id": known.session,
        "machine_id": place.machine,
        "profile": PROFILE,
        "started_ms": said.run.started_ms,
        "ended_ms": known.at_ms,
        "end_reason": PROFILE,
        "exit_code": None,
    }


def _exchange(said: Said, known: Item, model: Served) -> dict[str, Any]:
    return {
        "id": known.id,
        "session_id": known.session,
        "turn": said.turn,
        "kind": said.kind,
        "requested_alias": model.alias,
        "served_alias": model.alias,
        "served_model": said.model,
        "route_reason": PROFILE,
        "stream": 1,
        "status": "ok",
        "started_ms": said.at_ms,
        "request_bytes": len(said.prompt.encode("utf-8", "replace")),
    }


def _attempt(said: Said, known: Item, model: Served) -> dict[str, Any]:
    return {
        "id": stable_id(said.at_ms, "attempt", known.id),
        "exchange_id": known.id,
        "number": 1,
        "alias": model.alias,
        "provider": model.provider,
        "model": said.model,
        "billing": model.billing,
        "tier": model.tier,
        "status": "ok",
        "started_ms": said.at_ms,
        "reason": PROFILE,
    }


def _charge(said: Said, known: Item, model: Served) -> dict[str, Any]:
    """It counts when it happened; what costs an unknown amount has no list price."""
    paid, nano = model.billing == "payg", said.cost_nano
    return {
        "id": stable_id(said.at_ms, "charge", known.id),
        "hold_id": None,
        "session_id": known.session,
        "exchange_id": known.id,
        "kind": said.kind,
        "alias": model.alias,
        "model": said.model,
        "tier": model.tier,
        "billing": model.billing,
        "limited_tokens": said.input + said.output if paid else 0,
        "reason": REASON if nano is not None else NO_PRICE,
        "cash_nano": (nano or 0) if paid else 0,
        "list_nano": nano if paid else None,
        "avoided_nano": 0 if paid else None,
        "price_source": "aider" if nano is not None else None,
        "window_ms": said.at_ms,
        "created_ms": said.at_ms,
    }


def _signals(place: Place, said: Said, known: Item) -> list[Mapping[str, Any]]:
    return [
        {
            "id": stable_id(said.at_ms, "signal", known.id, trace.type, trace.commit),
            "session_id": known.session,
            "exchange_id": known.id,
            "turn": said.turn,
            "type": trace.type,
            "commit_hash": trace.commit,
            "data": json.dumps({"hash": trace.commit, "message": place.clean(trace.message)}),
            "created_ms": said.at_ms,
        }
        for trace in said.traces
    ]


def _message(place: Place, role: str, text: str) -> list[Message]:
    if not text:
        return []
    return [(role, place.clean(text), len(text.encode("utf-8", "replace")))]
