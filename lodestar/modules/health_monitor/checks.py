"""Checks for `lodestar doctor`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lodestar.clock import now_ms
from lodestar.doctor.check import Problem
from lodestar.modules.health_monitor import gpu, samples
from lodestar.modules.health_monitor.board import Board
from lodestar.modules.health_monitor.monitor import monitor_of
from lodestar.modules.health_monitor.probes import probe, targets
from lodestar.modules.health_monitor.servers import Upstream
from lodestar.modules.health_monitor.upstreams import upstreams
from lodestar.modules.health_monitor.windows import records
from lodestar.settings import Settings
from lodestar.store.store import Store

Check = tuple[str, Callable[[Store], Sequence[Problem]]]
"""(what is looked at, function that returns its problems)"""
FULL = 0.95


def checks(settings: Settings) -> list[Check]:
    """The checks of this module."""
    return [
        ("no model whose last calls all failed", lambda store: failing_models(store, settings)),
        ("free servers in use that answer", lambda store: silent_servers(settings)),
        ("room on the graphics card", lambda store: full_cards()),
    ]


def failing_models(store: Store, settings: Settings) -> list[Problem]:
    """Names the models used today whose last calls all failed, however long ago the last was."""
    now, monitor = now_ms(), monitor_of(store, settings)
    monitor.catch_up(store, now - samples.DAY_MS)
    board = Board(settings.routing)
    monitor.replay(store, board, now, samples.DAY_MS)
    return [
        Problem(
            f"the last calls of {record.alias} all failed",
            f"lodestar models test {record.alias}",
            why=record.last_error or "it did not say why",
            level="warn",
        )
        for record in records(store, now, upstreams(settings))
        if _is_down(board, record.server, record.model, now)
    ]


def silent_servers(settings: Settings) -> list[Problem]:
    """Free servers of models in use that do not answer; a paid one is never asked."""
    found = [probe(target)[0] for target in targets(settings, {})]
    return [
        Problem(
            f"{sample.server} does not answer",
            "start it, or choose another model: lodestar models list",
            why=sample.error or "",
            level="warn",
        )
        for sample in found
        if sample and not sample.ok
    ]


def full_cards() -> list[Problem]:
    """Cards whose memory is used up: what is loaded next runs on the processor, and slowly."""
    return [
        Problem(
            f"the memory of {card['name']} is full",
            "end what uses it: nvidia-smi shows who",
            why=gpu.line(card),
            level="warn",
        )
        for card in gpu.cards()
        if card["memory_total"] and (card["memory_used"] or 0) > FULL * card["memory_total"]
    ]


def _is_down(board: Board, server: str | None, model: str | None, now: int) -> bool:
    return board.state(Upstream(server or "", model or ""), now)[0] != "closed"
