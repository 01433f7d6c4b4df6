"""What health_monitor adds to `lodestar status`: upstreams, Ollama, graphics cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lodestar.clock import now_ms
from lodestar.modules.health_monitor import gpu, ollama_state, samples, windows
from lodestar.modules.health_monitor.ask import AskError
from lodestar.modules.health_monitor.board import Board
from lodestar.modules.health_monitor.breaker import State
from lodestar.modules.health_monitor.monitor import monitor_of
from lodestar.modules.health_monitor.probes import ollama_address
from lodestar.modules.health_monitor.servers import ENGINE, Upstream
from lodestar.modules.health_monitor.upstreams import upstreams as known
from lodestar.modules.health_monitor.windows import Record
from lodestar.settings import Settings
from lodestar.status.part import Level, Line, Part, Seen
from lodestar.store.store import Store

PATIENCE_S = 0.8
SHOWN = 6
WORDS: dict[State, tuple[Level, str]] = {
    "closed": ("ok", "well"),
    "half-open": ("warn", "to be tried again"),
    "open": ("fail", "left out"),
}


def parts(settings: Settings) -> list[Part]:
    """What is there of them, in the order of the screen."""
    return [
        Part("ollama", lambda store: ollama(settings)),
        Part("gpu", lambda store: gpus()),
        Part("upstreams", lambda store: upstreams(store, settings) if store else None),
    ]


def ollama(settings: Settings) -> Seen | None:
    """The Ollama and the models in its memory; None where there is none and none is expected."""
    place = ollama_address(settings)
    if place is None:
        return None
    try:
        seen = ollama_state.look(place.url, PATIENCE_S)
    except AskError as error:
        if not place.configured:
            return None
        lines = [Line(f"{place.url}: {error}", "fail")]
        return Seen(lines, {"url": place.url, "problem": str(error)})
    return Seen(_ollama_lines(seen), _ollama_data(seen))


def gpus() -> Seen | None:
    """NVIDIA cards; None where there are none."""
    cards = gpu.cards()
    if not cards:
        return None
    return Seen([Line(gpu.line(card)) for card in cards], cards)


def upstreams(store: Store, settings: Settings) -> Seen:
    """What was called within a day: how its breaker stands, failures, waiting time."""
    now, monitor = now_ms(), monitor_of(store, settings)
    monitor.catch_up(store, now - samples.DAY_MS)
    board = Board(settings.routing)
    monitor.replay(store, board, now)
    records = windows.records(store, now, known(settings))
    found = [_upstream(record, board, now) for record in records]
    lines = [_line(one) for one in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(Line(f"and {len(found) - SHOWN} more: --json", "off"))
    return Seen(lines or [Line("no call within a day", "off")], found)


def _upstream(record: Record, board: Board, now: int) -> dict[str, Any]:
    state, left = board.state(Upstream(record.server or "", record.model or ""), now)
    return {
        "alias": record.alias,
        "server": record.server,
        "model": record.model,
        "breaker": state,
        "open_for_s": -(-left // 1000),
        "last_ms": record.last_ms,
        "last_error": record.last_error,
        "windows": {name: window.plain() for name, window in record.windows.items()},
    }


def _line(one: Mapping[str, Any]) -> Line:
    level, word = WORDS[one["breaker"]]
    if one["open_for_s"]:
        word = f"{word} for {one['open_for_s']} s"
    name = next((name for name in windows.WINDOWS if one["windows"][name]["calls"]), "24h")
    window = one["windows"][name]
    calls = "1 call" if window["calls"] == 1 else f"{window['calls']} calls"
    parts = [word, f"{calls} in {name}"]
    if window["failed"]:
        parts.append(f"{window['failed'] * 100 // window['calls']} % failed")
        if window["failed"] == window["calls"] and one["breaker"] == "closed":
            parts[0] = "not well"
        level = "warn" if level == "ok" else level
    if window["first_token_ms"]:
        first = window["first_token_ms"]
        parts.append(f"first token {_seconds(first['p50'])} (p95 {_seconds(first['p95'])})")
    where = one["server"] if one["server"] not in (None, ENGINE) else "engine"
    return Line(f"{one['alias']} ({where}): {', '.join(parts)}", level)


def _seconds(ms: int) -> str:
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _ollama_lines(seen: ollama_state.Seen) -> list[Line]:
    count = "1 model" if len(seen.names) == 1 else f"{len(seen.names)} models"
    head = f"{seen.url}: {count}" + ("" if seen.loaded else ", none in memory")
    return [Line(head), *(Line(one.line()) for one in seen.loaded)]


def _ollama_data(seen: ollama_state.Seen) -> dict[str, Any]:
    loaded = [
        {
            "name": one.name,
            "bytes": one.size,
            "vram_bytes": one.vram,
            "context": one.context,
            "expires_at": one.until,
        }
        for one in seen.loaded
    ]
    return {"url": seen.url, "models": sorted(seen.names), "loaded": loaded}
