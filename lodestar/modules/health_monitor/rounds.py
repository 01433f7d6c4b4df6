"""One round of looking after everything: in a thread of its own, where nobody waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lodestar.clock import now_ms
from lodestar.modules.health_monitor.board import Board, Turn
from lodestar.modules.health_monitor.engine_watch import EngineWatch
from lodestar.modules.health_monitor.ollama_state import Seen
from lodestar.modules.health_monitor.probes import probe, targets
from lodestar.modules.health_monitor.reload import Reloader, troubled
from lodestar.modules.health_monitor.samples import Probe
from lodestar.modules.health_monitor.servers import ENGINE
from lodestar.settings import ModelEntry, Settings

log = logging.getLogger("lodestar.health_monitor")


@dataclass
class Found:
    """What a round brought: samples for the table, turns of breakers, and words for the user."""

    probes: list[Probe] = field(default_factory=list)
    turns: list[tuple[Turn, str | None]] = field(default_factory=list)
    healed: list[tuple[str, str]] = field(default_factory=list)
    """(level, text)"""


class Rounds:
    """Starts rounds, at most one at a time; never touches the database.

    The thread is a daemon: the shim's end does not wait for a server that does not answer.
    """

    def __init__(self, board: Board, settings: Settings, engine: EngineWatch) -> None:
        self._board = board
        self._settings = settings
        self._engine = engine
        self._reloader = Reloader()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether a round is under way."""
        return self._thread is not None and self._thread.is_alive()

    def start(
        self,
        seen: Mapping[str, ModelEntry],
        skip: frozenset[str],
        done: Callable[[Found], None],
    ) -> None:
        """Look at every server but those to `skip`, whom another session has just asked."""

        def work() -> None:
            found = Found()
            try:
                self._round(dict(seen), skip, found)
            except Exception:
                log.exception("a round of probes failed")
            done(found)

        self._thread = threading.Thread(target=work, name="health", daemon=True)
        self._thread.start()

    def _round(self, seen: Mapping[str, ModelEntry], skip: frozenset[str], found: Found) -> None:
        if ENGINE not in skip:
            self._look_at_engine(found)
        ollamas: dict[str, Seen] = {}
        for target in targets(self._settings, seen):
            if target.server in skip:
                continue
            sample, state = probe(target)
            self._take(sample, found)
            if state:
                ollamas[target.server] = state
        self._reload(ollamas, found)

    def _look_at_engine(self, found: Found) -> None:
        self._take(self._engine.probe(), found)
        done = self._engine.heal()
        if done:
            found.healed.append(("warn", done))

    def _reload(self, ollamas: Mapping[str, Seen], found: Found) -> None:
        for upstream, seen in troubled(self._board.troubled_models(), ollamas):
            result = self._reloader.heal(upstream, seen)
            if result is None:
                continue
            well, text = result
            found.healed.append(("info" if well else "warn", text))
            if well:
                turns = self._board.mended(upstream, now_ms())
                found.turns += [(turn, None) for turn in turns]

    def _take(self, sample: Probe | None, found: Found) -> None:
        if sample is None:
            return
        found.probes.append(sample)
        turns = self._board.probe(sample.server, sample.ok, sample.at_ms)
        found.turns += [(turn, sample.error) for turn in turns]
