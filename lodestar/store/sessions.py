"""Projects and sessions: where and when the work happened."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lodestar.clock import now_ms
from lodestar.ids import new_id
from lodestar.paths import Home, write_private
from lodestar.store.processes import runs
from lodestar.store.reader import Reader
from lodestar.store.state import bump
from lodestar.store.store import Store
from lodestar.store.text import storable


@dataclass(frozen=True)
class Session:
    """What is known of a session when it starts."""

    id: str
    project: Path | None
    profile: str
    branch: str | None
    pid: int
    session_minutes: int | None = None
    training_opt_in: bool = False
    limits: Mapping[str, Any] = field(default_factory=dict)
    """What its own settings say of money: a name of `settings.Limits`, its value and origin."""
    tag: str | None = None


def machine_id(home: Home) -> str:
    """This machine's own id, made on first use."""
    try:
        return home.machine_file.read_text("ascii").strip()
    except FileNotFoundError:
        # Two first sessions may be here at once: a link is made once, and read by both.
        draft = home.machine_file.with_name(f"machine_id.{os.getpid()}")
        write_private(draft, new_id() + "\n")
        with suppress(FileExistsError):
            os.link(draft, home.machine_file)
        draft.unlink()
        return home.machine_file.read_text("ascii").strip()


def _machine(store: Store, home: Home) -> str:
    try:
        return machine_id(home)
    except OSError:
        # A stand-in is for homes in which nothing can be written, too.
        if store.stands_for is None:
            raise
        return new_id()


def boot_id() -> str:
    """An id that changes with each boot, so that a pid means something; empty if unknown."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def start_session(store: Store, home: Home, session: Session) -> bool:
    """Insert the session and, where it is new, its project.

    False where the session is there already: its shim before this one was killed, and what
    that one left open is marked killed.
    """
    machine = _machine(store, home)
    with store.write() as connection:
        bump(connection)
        project = project_id(connection, session.project) if session.project else None
        added = connection.execute(
            "INSERT OR IGNORE INTO sessions(id, machine_id, project_id, profile, branch, pid,"
            " boot_id, started_ms, session_minutes, training_opt_in, limits, tag)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                session.id,
                machine,
                project,
                session.profile,
                session.branch,
                session.pid,
                boot_id(),
                now_ms(),
                session.session_minutes,
                int(session.training_opt_in),
                json.dumps(dict(session.limits)) if session.limits else None,
                session.tag,
            ),
        )
        _kill_open(connection, session.id)
    return added.rowcount == 1


def end_session(store: Store, session: str, reason: str, exit_code: int | None) -> None:
    """Mark a session ended; what it left open is marked killed.

    Where it just `ended`, the reason that was noted before says more.
    """
    with store.write() as connection:
        connection.execute(
            "UPDATE sessions SET ended_ms = :now, exit_code = :code, end_reason ="
            " CASE WHEN :reason = 'ended' THEN ifnull(end_reason, :reason) ELSE :reason END"
            " WHERE id = :id AND ended_ms IS NULL",
            {"now": now_ms(), "code": exit_code, "reason": reason, "id": session},
        )
        _kill_open(connection, session)


def note_end(store: Store, session: str, reason: str) -> None:
    """Say why a session is about to end by itself."""
    with store.write() as connection:
        connection.execute(
            "UPDATE sessions SET end_reason = ? WHERE id = ? AND ended_ms IS NULL",
            (reason, session),
        )


def extend_session(store: Store, session: str, minutes: int) -> None:
    """Keep the session's new length; one that is longer already stays."""
    with store.write() as connection:
        connection.execute(
            "UPDATE sessions SET session_minutes = max(?, ifnull(session_minutes, 0)) WHERE id = ?",
            (minutes, session),
        )


def limits_of(store: Reader, session: str | None) -> dict[str, tuple[Any, str]]:
    """What a session's own settings say of money: value and origin by name."""
    row = store.row("SELECT limits FROM sessions WHERE id = ?", (session,))
    known = json.loads(row["limits"]) if row and row["limits"] else {}
    return {str(name): (value, str(origin)) for name, (value, origin) in known.items()}


def length_and_turn(store: Store, session: str) -> tuple[int | None, int | None]:
    """The session's length in minutes, with what it was extended by, and its last turn."""
    row = store.row(
        "SELECT session_minutes, (SELECT max(turn) FROM exchanges WHERE session_id = s.id) AS turn"
        " FROM sessions s WHERE id = ?",
        (session,),
    )
    return (row["session_minutes"], row["turn"]) if row else (None, None)


def sweep_dead(store: Store) -> int:
    """End the sessions whose process is gone; returns how many there were."""
    rows = store.rows("SELECT id, pid, boot_id FROM sessions WHERE ended_ms IS NULL")
    dead = [row["id"] for row in rows if not _alive(row["pid"], row["boot_id"])]
    for session in dead:
        end_session(store, session, "killed", None)
    return len(dead)


def _kill_open(connection: sqlite3.Connection, session: str) -> None:
    connection.execute(
        "UPDATE attempts SET status = 'killed' WHERE status = 'open' AND exchange_id IN"
        " (SELECT id FROM exchanges WHERE session_id = ?)",
        (session,),
    )
    connection.execute(
        "UPDATE exchanges SET status = 'killed' WHERE session_id = ? AND status = 'open'",
        (session,),
    )


def _alive(pid: int | None, boot: str | None) -> bool:
    return pid is not None and boot == boot_id() and runs(pid)


def project_id(connection: sqlite3.Connection, root: Path) -> str:
    """The id of a project, added where it is new, within the caller's transaction."""
    path = storable(str(root))
    connection.execute(
        "INSERT OR IGNORE INTO projects(id, root, name, created_ms) VALUES (?, ?, ?, ?)",
        (new_id(), path, storable(root.name), now_ms()),
    )
    row = connection.execute("SELECT id FROM projects WHERE root = ?", (path,)).fetchone()
    return str(row[0])
