"""Writing exchanges and attempts: open before the first upstream byte, closed whatever happens."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence

from lodestar.clock import now_ms
from lodestar.exchange import Exchange, Outcome, Request, Route
from lodestar.store.store import Store

Message = tuple[str, str | None, int]
"""(role, text as it may be stored or None, size of the original text in bytes)"""


def open_exchange(store: Store, request: Request, prompt: Sequence[Message]) -> None:
    """Insert the exchange as open, with its prompt."""
    with store.joined() as connection:
        connection.execute(
            "INSERT INTO exchanges(id, session_id, turn, client_request, kind, requested_alias,"
            " stream, status, started_ms, request_bytes)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)",
            (
                request.id,
                request.session,
                request.turn,
                request.client_request,
                request.kind,
                request.alias,
                int(request.stream),
                request.received_ms,
                request.size,
            ),
        )
        link(connection, request.id, "prompt", 0, prompt)


def open_attempt(store: Store, id: str, request: Request, route: Route, number: int) -> None:
    """Insert one attempt as open."""
    entry = route.entry
    with store.joined() as connection:
        connection.execute(
            "INSERT INTO attempts(id, exchange_id, number, alias, provider, model, billing, tier,"
            " status, started_ms, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)",
            (
                id,
                request.id,
                number,
                route.alias,
                entry.provider,
                entry.model,
                entry.billing,
                entry.tier,
                now_ms(),
                route.reason,
            ),
        )


def close_attempt(store: Store, id: str, outcome: Outcome) -> None:
    """Record how an attempt ended."""
    usage = outcome.usage
    with store.joined() as connection:
        connection.execute(
            "UPDATE attempts SET status = ?, http_status = ?, error = ?, input_tokens = ?,"
            " output_tokens = ?, usage_source = ?, ttft_ms = ?, duration_ms = ? WHERE id = ?",
            (
                outcome.status,
                outcome.http_status,
                outcome.error,
                usage.input,
                usage.output,
                usage.source,
                outcome.ttft_ms,
                outcome.duration_ms,
                id,
            ),
        )


def close_exchange(store: Store, exchange: Exchange, answer: Sequence[Message]) -> bool:
    """Record the final outcome and the answer, however partial. False where it was never opened."""
    request, outcome, usage = exchange.request, exchange.outcome, exchange.outcome.usage
    with store.joined() as connection:
        found = connection.execute(
            "UPDATE exchanges SET served_alias = ?, served_model = ?, route_reason = ?, status = ?,"
            " error = ?, finish_reason = ?, input_tokens = ?, output_tokens = ?,"
            " cache_read_tokens = ?, cache_write_tokens = ?, reasoning_tokens = ?,"
            " usage_source = ?, usage_raw = ?, ttft_ms = ?, duration_ms = ? WHERE id = ?",
            (
                exchange.route.alias if exchange.route else None,
                outcome.served_model,
                exchange.route.reason if exchange.route else None,
                outcome.status,
                outcome.error,
                outcome.finish_reason,
                usage.input,
                usage.output,
                usage.cache_read,
                usage.cache_write,
                usage.reasoning,
                usage.source,
                json.dumps(usage.raw) if usage.raw is not None else None,
                outcome.ttft_ms,
                outcome.duration_ms,
                request.id,
            ),
        )
        if found.rowcount:
            start = len(request.body.get("messages") or ())
            link(connection, request.id, "answer", start, answer)
    return found.rowcount > 0


def link(
    connection: sqlite3.Connection,
    exchange: str,
    direction: str,
    start: int,
    messages: Sequence[Message],
) -> None:
    """Store messages and tie them to an exchange, from position `start` on."""
    # Aider resends its whole context each turn, so a message is stored once and linked.
    for position, (role, text, size) in enumerate(messages, start):
        digest = hashlib.sha256(f"{role}\0{text}\0{size}".encode("utf-8", "replace")).hexdigest()
        connection.execute(
            "INSERT OR IGNORE INTO messages(hash, role, text, bytes) VALUES (?, ?, ?, ?)",
            (digest, role, text, size),
        )
        connection.execute(
            "INSERT INTO exchange_messages(exchange_id, position, direction, hash)"
            " VALUES (?, ?, ?, ?)",
            (exchange, position, direction, digest),
        )
