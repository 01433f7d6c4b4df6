"""The health of everything behind one shim: breakers in memory, samples in the database."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from weakref import WeakKeyDictionary

from lodestar.clock import now_ms
from lodestar.exchange import Exchange, Outcome, Route
from lodestar.modules.health_monitor import news, samples
from lodestar.modules.health_monitor.board import Board, Turn
from lodestar.modules.health_monitor.engine_watch import EngineWatch
from lodestar.modules.health_monitor.judge import verdict
from lodestar.modules.health_monitor.rounds import Found, Rounds
from lodestar.modules.health_monitor.samples import HOUR_MS, Probe
from lodestar.modules.health_monitor.servers import ENGINE, Upstream, upstream_of
from lodestar.modules.health_monitor.upstreams import upstreams
from lodestar.paths import Home
from lodestar.settings import ModelEntry, Settings
from lodestar.store.patience import BusyError, brief
from lodestar.store.store import Store

log = logging.getLogger("lodestar.health_monitor")
FLUSH_S = 5.0
"""A commit for each request would be the dearest part of it."""
ROUND_S, SHORTEST_S = 60.0, 1.0
JUST = 750
"""Milliseconds of each second of a round in which somebody else's question counts."""
MOST_PENDING = 500
TRIES = 3
MOST_NEWS = 20
_monitors: WeakKeyDictionary[Store, Monitor] = WeakKeyDictionary()


def monitor_of(store: Store, settings: Settings) -> Monitor:
    """The monitor of a database in this process; the first call reads the last hour's samples."""
    found = _monitors.get(store)
    if found is None:
        found = _monitors.setdefault(store, Monitor(store, settings))
        found.seed(store, now_ms())
    return found


class Monitor:
    """Called from several threads; what needs the database is only done on a tick."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.board = Board(settings.routing)
        self._settings = settings
        self._engine = EngineWatch(Home(store.path.parent))
        self._rounds = Rounds(self.board, settings, self._engine)
        self._lock = threading.Lock()
        self._entries: dict[str, ModelEntry] = {}
        self._pending: dict[str, int] = {}
        """Exchanges whose attempts are no samples yet, and how often they were looked for."""
        self._probes: list[Probe] = []
        self._news: list[dict[str, str]] = []
        self._flushed: float | None = None
        self._round_s = round_seconds(settings)
        # The first round is due when the session is a round old: a short one needs none.
        self._looked = time.monotonic()
        self._caught_up = False
        self._others = 0

    def seed(self, store: Store, now: int) -> None:
        """Know what the sessions before this one found out."""
        self._others = samples.newest(store)
        self.replay(store, self.board, now)

    def replay(self, store: Store, board: Board, now: int, span_ms: int = HOUR_MS) -> None:
        """Let a board know what the samples of a span say."""
        for row in samples.since(store, now - span_ms):
            _heard(board, row)

    def order(self, routes: Sequence[Route]) -> Sequence[Route]:
        """Routes that are let through first; no query is made."""
        for route in routes:
            self._entries[route.alias] = route.entry
        return routes if len(routes) < 2 else self.board.order(routes, now_ms())

    def finished(self, exchange: Exchange) -> None:
        """Note how each attempt of an exchange went; no query is made."""
        if exchange.route is None:
            return
        with self._lock:
            if len(self._pending) < MOST_PENDING:
                self._pending[exchange.request.id] = 0
        for route, outcome in (*exchange.before, (exchange.route, exchange.outcome)):
            self._entries[route.alias] = route.entry
            self._judge(route.entry, outcome)

    def tick(self, store: Store, session: str) -> list[dict[str, str]]:
        """Write down what there is, look around where it is time, and say what is new."""
        try:
            with brief():
                self._flush(store)
                self._keep_probes(store, session)
            self._hear_others(store, session)
            self._look(store, session)
        except BusyError:
            log.info("health samples wait: the database is busy")
        with self._lock:
            said, self._news = self._news, []
        return said

    def catch_up(self, store: Store, since_ms: int, session: str | None = None) -> None:
        """Make samples of attempts whose process had no time for it."""
        found = samples.missing(store, since_ms, session)
        if found:
            with suppress(BusyError), brief():
                samples.keep(store, found, self._known())

    def _flush(self, store: Store) -> None:
        now = time.monotonic()
        if not self._pending or (self._flushed is not None and now - self._flushed < FLUSH_S):
            return
        self._flushed = now
        with self._lock:
            batch = list(self._pending)
        found = samples.attempts_of(store, batch)
        samples.keep(store, found, self._known())
        written = {row["exchange_id"] for row in found}
        with self._lock:
            # The log may be a moment behind; one that never comes is not waited for.
            late = {one: n + 1 for one, n in self._pending.items() if one not in written}
            self._pending = {one: n for one, n in late.items() if n < TRIES}

    def _keep_probes(self, store: Store, session: str) -> None:
        with self._lock:
            taken = list(self._probes)
        samples.keep_probes(store, taken, session)
        with self._lock:
            del self._probes[: len(taken)]

    def _hear_others(self, store: Store, session: str) -> None:
        """What other sessions found out: one query, which the newest row bounds."""
        for row in samples.of_others(store, self._others, session):
            self._others = max(self._others, row["rowid"])
            if row["ts_ms"] > now_ms() - HOUR_MS:
                self._tell(_heard(self.board, row), row["error"])

    def _look(self, store: Store, session: str) -> None:
        now = time.monotonic()
        if now - self._looked < self._round_s or self._rounds.running:
            return
        if not self._caught_up:
            # Those who were killed left some behind.
            self.catch_up(store, now_ms() - HOUR_MS)
            self._caught_up = True
        self._looked = now
        skip = _just_asked(store, session, int(self._round_s * JUST))
        self._rounds.start(self._entries, skip, self._done)

    def _done(self, found: Found) -> None:
        """A round is over; its samples wait for the next tick."""
        with self._lock:
            self._probes += found.probes
        for turn, why in found.turns:
            self._tell([turn], why)
        for level, text in found.healed:
            self._say(level, text)

    def _known(self) -> dict[str, Upstream]:
        """Which upstream each alias stands for, as far as that can be told in this process."""
        seen = {alias: upstream_of(entry) for alias, entry in list(self._entries.items())}
        return {**upstreams(self._settings), **seen}

    def _judge(self, entry: ModelEntry, outcome: Outcome) -> None:
        found = verdict(outcome.status, outcome.http_status, outcome.error)
        if found is None:
            return
        if found.model and entry.provider == "engine":
            self._engine.heard()
        self._tell(self.board.call(upstream_of(entry), found, now_ms()), outcome.error)

    def _tell(self, turns: Sequence[Turn], why: str | None) -> None:
        for turn in turns:
            self._say(*news.turned(turn, why, self._settings.routing))

    def _say(self, level: str, text: str) -> None:
        with self._lock:
            if len(self._news) < MOST_NEWS:
                self._news.append({"level": level, "text": text})


def round_seconds(settings: Settings) -> float:
    """The time between two rounds, as configured; what is none is as if it were not there."""
    wanted = settings.modules.get("health_monitor", {}).get("probe_s", ROUND_S)
    is_number = isinstance(wanted, (int, float)) and not isinstance(wanted, bool)
    return max(SHORTEST_S, float(wanted)) if is_number else ROUND_S


def _just_asked(store: Store, session: str, age_ms: int) -> frozenset[str]:
    """Servers that another session has asked since the last round: once is enough for all."""
    rows = store.rows(
        "SELECT DISTINCT server FROM health_samples WHERE ts_ms > ? AND source = 'probe'"
        " AND ok = 1 AND session_id IS NOT ?",
        (now_ms() - age_ms, session),
    )
    # An engine that hangs is found by counting one's own questions.
    return frozenset(row["server"] for row in rows) - {ENGINE}


def _heard(board: Board, row: sqlite3.Row) -> list[Turn]:
    """Tell a board of a sample. Without a server, as in samples of old, it says nothing."""
    if row["server"] is None:
        return []
    if row["source"] == "probe":
        return board.probe(row["server"], bool(row["ok"]), row["ts_ms"])
    found = verdict("ok" if row["ok"] else "error", row["http_status"], row["error"])
    if found is None:
        return []
    return board.call(Upstream(row["server"], row["model"] or ""), found, row["ts_ms"])
