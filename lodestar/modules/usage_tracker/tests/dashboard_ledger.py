"""A ledger with sessions, paid and free calls, texts, commits and hostile names."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from lodestar.clock import now_ms
from lodestar.ids import new_id
from lodestar.modules.usage_tracker import rollup
from lodestar.paths import Home
from lodestar.store.sessions import Session, start_session
from lodestar.store.store import Store

EVIL = "[bold red]evil[-] \x1b[31mproj"
EVIL_SHOWN = "[bold red]evil[-] proj"
BRANCH = "feat/[/]\x1b]0;x\x07[@click=app.quit]b"
TAG = "client=[b]acme"
PROMPT = "please [red]rename[/red] \x1b[31mit"
ANSWER = "done [/bold] it"
MINUTE_MS = 60_000


def a_session(store: Store, home: Home, root: Path, pid: int | None = None) -> str:
    """A session that runs in a project, as this process unless it is said otherwise."""
    session = new_id()
    start_session(
        store, home, Session(session, root, "default", BRANCH, pid or os.getpid(), 120, tag=TAG)
    )
    return session


def an_exchange(
    store: Store, session: str, back_ms: int = 0, paid: bool = False, commit: str | None = None
) -> str:
    """One call of $0.05, or a free one that avoided $0.008, with its texts."""
    exchange, at = new_id(), now_ms() - back_ms
    alias, tier, billing = ("claude-sonnet", 4, "payg") if paid else ("local-coder", 1, "local")
    with store.write() as connection:
        connection.execute(
            "INSERT INTO exchanges(id, session_id, turn, kind, requested_alias, served_alias,"
            " served_model, route_reason, stream, status, input_tokens, output_tokens,"
            " usage_source, started_ms, ttft_ms, duration_ms, request_bytes) VALUES"
            " (?, ?, 1, 'edit', ?, ?, 'm-1', 'you [b]asked', 1, 'ok', 1200, 300, 'provider', ?,"
            " 300, 4300, 9)",
            (exchange, session, alias, alias, at),
        )
        connection.execute(
            "INSERT INTO attempts(id, exchange_id, number, alias, provider, model, billing, tier,"
            " status, started_ms, reason) VALUES (?, ?, 1, ?, 'x', 'm-1', ?, ?, 'ok', ?,"
            " 'you [b]asked')",
            (f"A{exchange}", exchange, alias, billing, tier, at),
        )
        _charge(connection, session, exchange, (alias, tier, billing), at)
        _texts(connection, exchange)
    if commit:
        a_signal(store, session, exchange, "commit", commit, at)
    return exchange


def _charge(
    connection: sqlite3.Connection,
    session: str,
    exchange: str,
    model: tuple[str, int, str],
    at: int,
) -> None:
    cash, avoided = (50_000_000, 0) if model[2] == "payg" else (0, 8_000_000)
    project, branch, tag = connection.execute(
        "SELECT project_id, branch, tag FROM sessions WHERE id = ?", (session,)
    ).fetchone()
    connection.execute(
        "INSERT INTO charges(id, session_id, project_id, branch, tag, exchange_id, attempt_id,"
        " kind, alias, model, tier, billing, input_tokens, output_tokens, usage_source,"
        " cash_nano, list_nano, avoided_nano, window_ms, created_ms) VALUES (?, ?, ?, ?, ?, ?,"
        " ?, 'edit', ?, 'm-1', ?, ?, 1200, 300, 'provider', ?, ?, ?, ?, ?)",
        (
            *(f"C{exchange}", session, project, branch, tag, exchange, f"A{exchange}"),
            *(*model, cash, cash or None, avoided, at, at),
        ),
    )
    rollup.add(connection, f"C{exchange}")


def _texts(connection: sqlite3.Connection, exchange: str) -> None:
    for place, (role, text) in enumerate((("user", PROMPT), ("assistant", ANSWER))):
        connection.execute(
            "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?)", (role, role, text, len(text))
        )
        connection.execute(
            "INSERT INTO exchange_messages VALUES (?, ?, ?, ?)",
            (exchange, place, ("prompt", "answer")[place], role),
        )


def a_signal(
    store: Store, session: str, exchange: str, type: str, commit: str, at: int | None = None
) -> None:
    """What became of a change."""
    data = json.dumps({"hash": commit, "aider_edits": True})
    with store.write() as connection:
        connection.execute(
            "INSERT INTO signals(id, session_id, exchange_id, turn, type, commit_hash, data,"
            " created_ms) VALUES (?, ?, ?, 1, ?, ?, ?, ?)",
            (new_id(), session, exchange, type, commit, data, at or now_ms()),
        )


def a_repository(folder: Path) -> tuple[Path, str]:
    """A repository with an evil name and one commit; returns its root and the commit."""
    root = folder / EVIL
    root.mkdir()
    (root / "greet.py").write_text("print('[blink]hello')\n")

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
        return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first [link=x]one[/]")
    return root, git("rev-parse", "HEAD").strip()


@pytest.fixture
def used(ledger: Store, home: Home, tmp_path: Path) -> str:
    """Three paid calls and six free ones within two hours, in a session that runs here."""
    root, commit = a_repository(tmp_path)
    session = a_session(ledger, home, root)
    for number in range(9):
        an_exchange(ledger, session, number * 13 * MINUTE_MS, number % 3 == 0, commit)
    return session
