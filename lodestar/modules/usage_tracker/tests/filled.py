"""A ledger with calls at chosen moments, written by the functions that the shim uses."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from lodestar.ids import new_id
from lodestar.modules.usage_tracker import charges
from lodestar.paths import Home
from lodestar.store.sessions import Session, project_id, start_session
from lodestar.store.store import Store

CLAUDE = {"alias": "claude-sonnet", "model": "claude-sonnet-4-5", "tier": 4, "billing": "payg"}
LOCAL = {"alias": "local-coder", "model": "deepseek-coder:6.7b", "tier": 1, "billing": "local"}
DAY_MS = 86_400_000


def ms(text: str) -> int:
    """UTC milliseconds of a moment, UTC where it does not say."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp() * 1000)


@dataclass
class Filled:
    """Writes calls, commits and ratings; `cash` is what all of them came to, nano-dollars."""

    store: Store
    cash: int = 0
    moments: list[tuple[int, int]] = field(default_factory=list)
    """The time of each call, UTC milliseconds, and its cash."""

    def session(self, folder: Path, branch: str | None = None, tag: str | None = None) -> str:
        id, home = new_id(), Home(self.store.path.parent)
        start_session(
            self.store, home, Session(id, folder, "default", branch, os.getpid(), tag=tag)
        )
        return id

    def call(
        self,
        at: int,
        session: str | None = None,
        who: dict[str, Any] = LOCAL,
        cash: int = 0,
        kind: str = "edit",
        reason: str = "you asked",
        took: tuple[int, int] = (900, 200),
        **charge: Any,
    ) -> str:
        """One answered call; returns the exchange's id. `took`: ms to the last and first token."""
        exchange = new_id()
        paid = who["billing"] == "payg"
        with self.store.write() as connection:
            connection.execute(
                "INSERT INTO exchanges(id, session_id, turn, kind, requested_alias, served_alias,"
                " served_model, route_reason, stream, status, started_ms, ttft_ms, duration_ms,"
                " request_bytes) VALUES (?, ?, 1, ?, ?, ?, ?, ?, 1, 'ok', ?, ?, ?, 9)",
                (
                    *(exchange, session, kind, who["alias"], who["alias"], who["model"], reason),
                    *(at, took[1], took[0]),
                ),
            )
            connection.execute(
                "INSERT INTO attempts(id, exchange_id, number, alias, provider, model, billing,"
                " tier, status, started_ms, reason) VALUES (?, ?, 1, ?, 'openai', ?, ?, ?, 'ok',"
                " ?, ?)",
                (new_id(), exchange, *who.values(), at, reason),
            )
            place = connection.execute(
                "SELECT project_id, branch, tag FROM sessions WHERE id = ?", (session,)
            ).fetchone()
            row = {
                **(dict(place) if place else {}),
                **who,
                "session_id": session,
                "exchange_id": exchange,
                "kind": kind,
                "input_tokens": 1000,
                "output_tokens": 100,
                "usage_source": "provider",
                "cash_nano": cash,
                "list_nano": cash if paid else None,
                "avoided_nano": 0 if paid else 4_500_000,
                "window_ms": at,
                **charge,
            }
            charges.insert(connection, row)
        self.cash += cash
        self.moments.append((at, cash))
        return exchange

    def commit(self, exchange: str, undone: bool = False) -> None:
        """Aider's commit of an answer."""
        with self.store.write() as connection:
            hash = new_id().lower()
            for type in ("commit", "undo") if undone else ("commit",):
                connection.execute(
                    "INSERT INTO signals(id, exchange_id, type, commit_hash, data, created_ms)"
                    " VALUES (?, ?, ?, ?, ?, 1)",
                    (new_id(), exchange, type, hash, json.dumps({"aider_edits": True})),
                )

    def rating(self, exchange: str, verdict: str) -> None:
        with self.store.write() as connection:
            connection.execute(
                "INSERT INTO ratings(id, exchange_id, verdict, source, created_ms)"
                " VALUES (?, ?, ?, 'cli', 1)",
                (new_id(), exchange, verdict),
            )

    def project(self, folder: Path) -> str:
        with self.store.write() as connection:
            return project_id(connection, folder)


def week_of_work(filled: Filled, folder: Path, now_ms: int) -> None:
    """A bit of everything, within the last hour: two projects, a branch, a tag, both models."""
    shop = filled.session(folder / "shop", "main", "client=acme")
    web = filled.session(folder / "web", "dev")
    at = now_ms - 60_000
    for step in range(6):
        good = filled.call(at - step, shop, took=(1000 + 100 * step, 200))
        filled.commit(good, undone=step == 0)
        filled.rating(good, "bad" if step == 0 else "good")
    paid = filled.call(at, shop, CLAUDE, cash=12_345_678, reason="local edit failed twice")
    filled.commit(paid)
    filled.call(at + 1, web, CLAUDE, cash=987_654_321, kind="ask", reason="you asked")
    filled.call(at + 2, web, {**CLAUDE, "model": "=odd|model"}, cash=1, usage_source="worst_case")
    filled.call(at + 3, None, kind="summary")


def since(days: int, now_ms: int) -> str:
    """The day so long ago, for --since."""
    moment = datetime.fromtimestamp(now_ms / 1000, tz=timezone.utc) - timedelta(days=days)
    return moment.date().isoformat()
