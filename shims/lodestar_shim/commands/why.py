"""`/why`: how the last answer came about, and what became of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lodestar.control import Asked, Reply, SlashCommand
from lodestar.money import dollars_text
from lodestar.store.store import Store
from lodestar.terminal import one_line
from lodestar_shim.commands.answers import described, last_exchange
from lodestar_shim.escalation import ASKED, DOWN, FIRST, TOO_LONG, fallback_of
from lodestar_shim.services import Services
from lodestar_shim.status import Status

Row = Mapping[str, Any]
ERROR_WIDTH = 160
FALLBACK = fallback_of("")
WORDS = {
    ASKED: "you asked for it (/paid, /free, /model, or your profile)",
    FIRST: "`auto` asks a free model first",
    TOO_LONG: "the chat was too long for the free model",
    DOWN: "the local model does not answer",
}
"""Reasons as the log has them, and in other words where those say little."""


def commands(services: Services, status: Status) -> Sequence[SlashCommand]:
    """The command of this file."""
    help_ = "Say why the last answer came from that model, and what it cost"

    def run(asked: Asked) -> Reply:
        exchange = dict(last_exchange(asked))
        exchange["requested_alias"] = services.catalog.plain(exchange["requested_alias"])
        return Reply(list(_lines(asked, exchange)))

    return (SlashCommand("why", help_, run),)


def _lines(asked: Asked, exchange: Row) -> Iterator[str]:
    attempts = _of(asked.store, "attempts", exchange)
    paid = bool(attempts) and attempts[-1]["billing"] == "payg"
    yield _outcome(exchange, asked.settings.timezone)
    yield f"asked for: {exchange['requested_alias']}"
    if exchange["served_alias"] and exchange["ttft_ms"] is None and exchange["status"] != "ok":
        yield f"not answered: {exchange['served_alias']} was tried last"
    elif exchange["served_alias"]:
        model = f" ({exchange['served_model']})" if exchange["served_model"] else ""
        price = "PAID" if paid else "FREE"
        yield f"answered by: {exchange['served_alias']}{model}, {price}"
    reason, charged = exchange["route_reason"], _charged(asked.store, exchange)
    yield f"{'paid because' if paid and charged else 'because'}: {plain_reason(reason)}"
    if len(attempts) > 1:
        yield from (_attempt(one) for one in attempts)
    yield f"cost: {_cost(charged, exchange, any(one['billing'] == 'payg' for one in attempts))}"
    yield f"kept: {_kept(_of(asked.store, 'signals', exchange))}"


def plain_reason(reason: str | None) -> str:
    """Why that model answered, in the user's words."""
    if reason is None:
        return "no reason was noted"
    if reason.startswith(FALLBACK):
        return f"{reason.removeprefix(FALLBACK)} did not answer, and it is next in line"
    return WORDS.get(reason, reason)


def _of(store: Store, table: str, exchange: Row) -> list[Row]:
    sql = f"SELECT * FROM {table} WHERE exchange_id = ? ORDER BY rowid"  # noqa: S608
    return [dict(row) for row in store.rows(sql, (exchange["id"],))]


def _outcome(exchange: Row, zone: str | None) -> str:
    status, error = exchange["status"], one_line(exchange["error"] or "", ERROR_WIDTH)
    which = described(exchange, zone)
    if status == "ok":
        return which
    if status == "open":
        return f"{which} is not finished yet"
    if status == "aborted":
        return f"{which} was broken off"
    return f"nobody answered: {error or status}"


def _attempt(one: Row) -> str:
    error = f": {one_line(one['error'], ERROR_WIDTH)}" if one["error"] else ""
    return (
        f"  {one['number']}. {one['alias']} ({plain_reason(one['reason'])}): {one['status']}{error}"
    )


def _charged(store: Store, exchange: Row) -> Row | None:
    """What a module has charged for it, if one does."""
    try:
        row = store.row(
            "SELECT sum(cash_nano) AS cash, count(*) AS charges,"
            " max(usage_source <> 'provider') AS estimated FROM charges WHERE exchange_id = ?",
            (exchange["id"],),
        )
    except sqlite3.OperationalError:
        return None
    return dict(row) if row and row["charges"] else None


def _cost(charged: Row | None, exchange: Row, paid: bool) -> str:
    if not paid:
        return "nothing, the model is free"
    if charged is None:
        went_wrong = exchange["status"] not in ("ok", "open")
        return "nothing was charged" if went_wrong else "it is not metered"
    return f"{dollars_text(charged['cash'])}{' (estimated)' if charged['estimated'] else ''}"


def _kept(signals: Sequence[Row]) -> str:
    """What became of its edit."""
    events = [(one["type"], json.loads(one["data"])) for one in signals]
    commits = [d.get("hash") for type_, d in events if type_ == "commit" and d.get("aider_edits")]
    if commits:
        back = {d.get("hash") for type_, d in events if type_ in ("undo", "reverted")}
        names = ", ".join(str(commit)[:7] for commit in commits)
        gone = back.issuperset(commits)
        return f"no, commit {names} was taken back" if gone else f"yes, as commit {names}"
    applied = [d for type_, d in events if type_ == "apply"]
    if files := sorted({str(name) for d in applied for name in d.get("edited") or ()}):
        return f"written to {', '.join(files)}, not committed"
    if any(d.get("malformed") or d.get("reflected") for d in applied):
        return "no, the edit did not match the files"
    return "nothing to keep: no edit came with it"
