"""Ratings and signals: what the user said, and what happened to the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from lodestar.clock import now_ms
from lodestar.ids import new_id
from lodestar.store.store import Store

Verdict = Literal["good", "bad"]


def add_rating(
    store: Store,
    session: str | None,
    exchange: str | None,
    verdict: Verdict,
    source: str,
    reason: str | None = None,
    comment: str | None = None,
) -> str:
    """Store a rating and return its id. A newer one of the same subject stands beside it."""
    rating = new_id()
    with store.write() as connection:
        connection.execute(
            "INSERT INTO ratings(id, session_id, exchange_id, verdict, reason, comment, source,"
            " created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (rating, session, exchange, verdict, reason, comment, source, now_ms()),
        )
    return rating


def undo_last_rating(store: Store) -> Mapping[str, Any] | None:
    """Mark the newest rating as undone; returns it, or None where there is none."""
    with store.write() as connection:
        row = connection.execute(
            "SELECT * FROM ratings WHERE undone_ms IS NULL ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if row:
            connection.execute(
                "UPDATE ratings SET undone_ms = ? WHERE id = ?", (now_ms(), row["id"])
            )
    return dict(row) if row else None


def add_signal(store: Store, session: str | None, event: Mapping[str, Any]) -> bool:
    """Store one of the launcher's events, tied to its exchange where it names a request.

    False where it is there already: a batch whose answer was lost is sent again.
    """
    known = ("id", "type", "ts_ms", "turn", "request")
    data = {k: v for k, v in event.items() if k not in known}
    with store.write() as connection:
        row = connection.execute(
            "SELECT id FROM exchanges WHERE client_request = ? AND client_request IS NOT NULL",
            (event.get("request"),),
        ).fetchone()
        added = connection.execute(
            "INSERT OR IGNORE INTO signals(id, session_id, exchange_id, turn, type, commit_hash,"
            " data, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                str(event.get("id") or new_id())[:64],
                session,
                row["id"] if row else None,
                event.get("turn"),
                event["type"],
                data.get("hash"),
                json.dumps(data),
                event.get("ts_ms") or now_ms(),
            ),
        )
        return added.rowcount == 1


def put_outcome(store: Store, commit: str, name: str, kind: str, data: Mapping[str, Any]) -> None:
    """Keep what became of a commit later, tied as the signal `commit` that reported it is.

    There is one of each `name`: a second call replaces it. Nothing is kept of what was purged.
    """
    with store.write(durable=False) as connection:
        connection.execute(
            "INSERT OR REPLACE INTO signals(id, session_id, exchange_id, turn, type, commit_hash,"
            " data, created_ms) SELECT commit_hash || '-' || :name, session_id, exchange_id, turn,"
            " :kind, commit_hash, :data, :now FROM signals WHERE id = :commit",
            {
                "name": name,
                "kind": kind,
                "data": json.dumps(data),
                "now": now_ms(),
                "commit": commit,
            },
        )


def drop_outcome(store: Store, commit: str, name: str) -> None:
    """Take back what is no longer so."""
    with store.write(durable=False) as connection:
        connection.execute(
            "DELETE FROM signals WHERE id ="
            " (SELECT commit_hash || '-' || ? FROM signals WHERE id = ?)",
            (name, commit),
        )
