"""The engine, the disk and the database."""

from __future__ import annotations

import shutil
from typing import Any

from lodestar.clock import now_ms
from lodestar.durations import duration_text
from lodestar.engine_client import health
from lodestar.errors import LedgerError, LodestarError
from lodestar.paths import Home, engine_socket
from lodestar.status.part import Line, Seen
from lodestar.store import backup
from lodestar.store.restore import SUFFIXES

ENGINE_S = 1.0
LOW = 1 << 30
FULL = 100 << 20


def engine(home: Home) -> Seen:
    """The engine and the models in its memory."""
    try:
        found = health(engine_socket(home.root), ENGINE_S)
    except LodestarError as error:
        return Seen([Line(f"{error.what}: {error.why}", "fail")], {"problem": error.why})
    if found is None:
        return Seen([Line("not running; it starts with the first request", "off")], None)
    users = found.get("leases", 0)
    used = "used by 1 session" if users == 1 else f"used by {users} sessions"
    head = f"pid {found['pid']}, {_size(found.get('rss_bytes'))}, {used}"
    loaded = [Line(_model(one)) for one in found.get("loaded", [])]
    return Seen([Line(head), *loaded], found)


def disk(home: Home) -> Seen:
    """Room where Lodestar keeps things."""
    usage = shutil.disk_usage(home.root)
    level = "fail" if usage.free < FULL else "warn" if usage.free < LOW else "ok"
    text = f"{_size(usage.free)} free of {_size(usage.total)}"
    data = {"free_bytes": usage.free, "total_bytes": usage.total}
    return Seen([Line(text, level)], data)  # type: ignore[arg-type]


def database(home: Home, problem: LedgerError | None) -> Seen:
    """Whether it can be used, its size, and the last backup."""
    files = [home.database.with_name(home.database.name + suffix) for suffix in SUFFIXES]
    size = sum(file.stat().st_size for file in files if file.exists())
    saved = next(iter(backup.backups(home)), None)
    data: dict[str, Any] = {"path": str(home.database), "bytes": size, "usable": problem is None}
    data["last_backup_ms"] = int(saved.stat().st_mtime * 1000) if saved else None
    if problem:
        data["problem"] = f"{problem.what}: {problem.why}"
        lines = [Line(data["problem"], "fail"), Line(f"do: {problem.do}", "fail")]
        return Seen(lines if problem.do else lines[:1], data)
    return Seen([Line(f"usable, {_size(size)}, {_age(data['last_backup_ms'])}")], data)


def _age(saved_ms: int | None) -> str:
    if saved_ms is None:
        return "no backup yet"
    return f"last backup {duration_text(max(0, now_ms() - saved_ms) / 1000)} ago"


def _model(one: dict[str, Any]) -> str:
    name = f"{one.get('model')}@{one['adapter']}" if one.get("adapter") else str(one.get("model"))
    parts = [f"context {one['context']}"] if one.get("context") else []
    idle = one.get("idle_s")
    parts += [f"idle for {idle:.0f} s"] if isinstance(idle, (int, float)) else []
    return f"{name}: {', '.join(parts)}" if parts else name


def _size(size: object) -> str:
    if not isinstance(size, int):
        return "memory unknown"
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
