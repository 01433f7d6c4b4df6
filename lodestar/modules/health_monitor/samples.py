"""Samples of health: each attempt that came to an end, and each probe, is one row."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lodestar.ids import new_id
from lodestar.modules.health_monitor.judge import verdict
from lodestar.modules.health_monitor.servers import ENGINE, Upstream
from lodestar.store.store import Store

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_INSERT = (
    "INSERT OR IGNORE INTO health_samples(id, ts_ms, alias, provider, ok, http_status, ttft_ms,"
    " duration_ms, error, source, server, model, session_id) VALUES (:id, :ts_ms, :alias,"
    " :provider, :ok, :http_status, :ttft_ms, :duration_ms, :error, :source, :server, :model,"
    " :session_id)"
)
_ATTEMPTS = (
    "SELECT a.*, e.session_id, a.started_ms + coalesce(a.duration_ms, 0) AS ts_ms"
    " FROM attempts a JOIN exchanges e ON e.id = a.exchange_id WHERE a.status IN ('ok', 'error')"
)


@dataclass(frozen=True)
class Probe:
    """How a question to a server itself went."""

    server: str
    kind: str
    ok: bool
    at_ms: int
    duration_ms: int
    error: str | None = None


def attempts_of(store: Store, exchanges: Collection[str]) -> list[sqlite3.Row]:
    """The attempts of these exchanges that came to an end by themselves."""
    marks = ", ".join("?" * len(exchanges))
    return store.rows(f"{_ATTEMPTS} AND a.exchange_id IN ({marks})", list(exchanges))


def missing(store: Store, since_ms: int, session: str | None = None) -> list[sqlite3.Row]:
    """Attempts since then that are no sample yet: their process had no time for it any more."""
    only = " AND e.session_id = :session" if session else ""
    return store.rows(
        f"{_ATTEMPTS} AND e.started_ms > :since{only} AND NOT EXISTS"  # noqa: S608 (our own)
        " (SELECT 1 FROM health_samples s WHERE s.id = a.id)",
        {"since": since_ms, "session": session},
    )


def keep(store: Store, attempts: Iterable[sqlite3.Row], known: Mapping[str, Upstream]) -> None:
    """Store a sample for each attempt, under the attempt's own id: none is there twice.

    `known` says by alias which server it was; it is NULL where that is not known.
    """
    rows = [row for attempt in attempts if (row := _sample(attempt, known))]
    if rows:
        with store.write() as connection:
            connection.executemany(_INSERT, rows)


def keep_probes(store: Store, probes: Iterable[Probe], session: str) -> None:
    """Store how probes went."""
    rows = [_probed(probe, session) for probe in probes]
    if rows:
        with store.write() as connection:
            connection.executemany(_INSERT, rows)


def since(store: Store, ts_ms: int) -> list[sqlite3.Row]:
    """All samples since then, the oldest first."""
    return store.rows(
        "SELECT rowid, * FROM health_samples WHERE ts_ms > ? ORDER BY ts_ms, rowid", (ts_ms,)
    )


def of_others(store: Store, after: int, session: str) -> list[sqlite3.Row]:
    """What other sessions wrote after a row, the oldest first."""
    return store.rows(
        "SELECT rowid, * FROM health_samples WHERE rowid > ? AND session_id <> ?"
        " ORDER BY ts_ms, rowid",
        (after, session),
    )


def newest(store: Store) -> int:
    """The newest row; 0 where there is none."""
    row = store.row("SELECT max(rowid) FROM health_samples")
    return int(row[0] or 0) if row else 0


def _sample(attempt: sqlite3.Row, known: Mapping[str, Upstream]) -> dict[str, Any] | None:
    found = verdict(attempt["status"], attempt["http_status"], attempt["error"])
    if found is None:
        return None
    upstream = known.get(attempt["alias"])
    # The alias may stand for another model by now.
    server = upstream.server if upstream and upstream.model == attempt["model"] else None
    if attempt["provider"] == ENGINE:
        server = ENGINE
    same = ("id", "ts_ms", "alias", "provider", "http_status", "ttft_ms", "duration_ms", "error")
    return {
        **{name: attempt[name] for name in (*same, "model", "session_id")},
        "ok": int(found.model),
        "source": "call",
        "server": server,
    }


def _probed(probe: Probe, session: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "ts_ms": probe.at_ms,
        "alias": "",
        "provider": probe.kind,
        "ok": int(probe.ok),
        "http_status": None,
        "ttft_ms": None,
        "duration_ms": probe.duration_ms,
        "error": probe.error,
        "source": "probe",
        "server": probe.server,
        "model": None,
        "session_id": session,
    }
