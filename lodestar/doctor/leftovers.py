"""What dead processes left behind, and the room that is left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from lodestar.doctor.check import Check, Problem
from lodestar.errors import LodestarError
from lodestar.paths import Home
from lodestar.store.processes import runs
from lodestar.store.sessions import boot_id, sweep_dead
from lodestar.store.store import Store
from lodestar.supervisor import alone
from lodestar.supervisor.files import left_behind, sweep

LOW, FULL = 1 << 30, 100 << 20


def checks(home: Home, store: Store | LodestarError) -> list[Check]:
    """The checks of a home; `store` is its database, or why it cannot be opened."""
    return [
        Check("no files of dead sessions", lambda: dead_files(home)),
        Check("no session that only seems to run", lambda: dead_sessions(store)),
        Check("room on the disk", lambda: room(home)),
    ]


def dead_files(home: Home) -> list[Problem]:
    """Folders and notes below run/ whose process is gone."""
    found = list(_dead_files(home))
    if not found:
        return []

    def fix() -> str:
        sweep(home)
        for path in _dead_notes(home):
            path.unlink(missing_ok=True)
        return f"removed {_count(found, 'file or folder', 'files and folders')} below {_run(home)}"

    what = f"{_count(found, 'file or folder', 'files and folders')} below {_run(home)}"
    why = "the processes that they belong to were killed"
    return [Problem(f"{what} left behind", "lodestar doctor --fix", why, "warn", fix)]


def dead_sessions(store: Store | LodestarError) -> list[Problem]:
    """Rows of sessions that nobody ended."""
    if isinstance(store, LodestarError):
        return []
    rows = store.rows("SELECT pid, boot_id FROM sessions WHERE ended_ms IS NULL")
    here = boot_id()
    dead = [r for r in rows if not (r["pid"] and r["boot_id"] == here and runs(r["pid"]))]
    if not dead:
        return []

    def fix() -> str:
        count = sweep_dead(store)
        return f"marked {'1 session' if count == 1 else f'{count} sessions'} as killed"

    what = f"{_count(dead, 'session', 'sessions')} in the log as if still running"
    why = "the processes were killed; the next session tidies up, too"
    return [Problem(what, "lodestar doctor --fix", why, "warn", fix)]


def room(home: Home) -> list[Problem]:
    """A disk that is full, or nearly."""
    free = shutil.disk_usage(home.root).free
    if free >= LOW:
        return []
    do = "free some; lodestar data status shows what Lodestar keeps"
    what = f"{free / 1e6:.0f} MB free on the disk of {home.root}"
    why = "a database that cannot grow takes no paid call"
    return [Problem(what, do, why, "fail" if free < FULL else "warn")]


def _dead_files(home: Home) -> Iterator[Path]:
    folder = _run(home)
    if folder.is_dir():
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink() and left_behind(path):
                yield path
        yield from _dead_notes(home)


def _dead_notes(home: Home) -> list[Path]:
    """Notes of shims that ran alone."""
    alive = {alone.note_path(home, one.port) for one in alone.running(home)}
    return [path for path in _run(home).glob("shim-*.json") if path not in alive]


def _run(home: Home) -> Path:
    return home.root / "run"


def _count(things: Sequence[object], one: str, many: str) -> str:
    return f"1 {one}" if len(things) == 1 else f"{len(things)} {many}"
